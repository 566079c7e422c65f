namespace Engine.Backends.Cuda;

/// <summary>A CUDA library refused a call. The message names the call, the library's answer and the last op that was sent to the device.</summary>
/// <param name="message">What failed, why, and what to do next.</param>
/// <param name="code">The library's own number for it.</param>
public class CudaException(string message, int code) : Exception(message)
{
    /// <summary>The library's own number for the failure.</summary>
    public int Code => code;
}

/// <summary>
/// A kernel faulted (illegal address, launch failure): the driver refuses everything that follows, in this process, until it ends.
/// </summary>
/// <param name="message">What failed and after which op.</param>
/// <param name="code">The driver's number.</param>
public sealed class DeviceLostException(string message, int code) : CudaException(message, code);

/// <summary>There is no CUDA device to be had on this machine.</summary>
/// <param name="message">The reason, and what mends it.</param>
/// <param name="diagnosis">Everything that was looked at.</param>
public sealed class NoCudaException(string message, Diagnosis diagnosis) : Exception(message)
{
    /// <summary>Everything that was looked at.</summary>
    public Diagnosis Diagnosis => diagnosis;

    internal static NoCudaException For(Finding finding, Diagnosis diagnosis) =>
        new($"no CUDA: {finding.Subject}: {finding.Message}. To mend it, {finding.Remedy}.", diagnosis);
}
