using Engine.Tensors;

namespace Engine.Backends.Cuda;

/// <summary>Memory that kernels can be pointed at.</summary>
internal interface IDeviceMemory : IStorage
{
    /// <summary>The address of its first number, as the device sees it.</summary>
    nint Address { get; }
}
