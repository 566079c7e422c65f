using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cuda;

/// <summary>Memory that kernels can access.</summary>
internal interface IDeviceMemory : IStorage
{
    /// <summary>The device address of its first element.</summary>
    nint Address { get; }
}

/// <summary>Memory that another object owns and frees, as a storage.</summary>
internal sealed class Loan(nint address, long count) : IDeviceMemory
{
    public long Count => count;

    public nint Address => address;

    public void Dispose()
    {
    }
}
