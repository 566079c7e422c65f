namespace Iba.Engine.Backends;

/// <summary>The device is out of memory. No result was lost: the same work in smaller batches may fit.</summary>
/// <param name="message">Bytes requested, bytes available, and what to do next.</param>
public sealed class DeviceMemoryException(string message) : Exception(message);
