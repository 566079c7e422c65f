namespace Iba.Engine.Backends;

/// <summary>The device is out of memory. No result was lost: the same work in smaller batches may fit.</summary>
/// <param name="subject">The device, or what needs the memory.</param>
/// <param name="reason">Bytes requested and bytes available.</param>
/// <param name="remedy">The next step.</param>
public sealed class DeviceMemoryException(string subject, string reason, string remedy = DeviceMemoryException.TakeFewer)
    : IbaException(subject, reason, remedy)
{
    internal const string TakeFewer = "Take fewer or smaller images at a time.";
}
