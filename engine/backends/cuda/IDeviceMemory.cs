using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cuda;

/// <summary>Memory that kernels can access.</summary>
internal interface IDeviceMemory : IStorage
{
    /// <summary>The device address of its first element.</summary>
    nint Address { get; }
}
