namespace Engine.Backends;

/// <summary>The device's memory is full. Nothing was lost: the same work in smaller batches may fit.</summary>
/// <param name="message">How much was wanted, how much is there, and what to do next.</param>
public sealed class DeviceMemoryException(string message) : Exception(message);
