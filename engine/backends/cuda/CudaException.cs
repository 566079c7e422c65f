namespace Iba.Engine.Backends.Cuda;

/// <summary>
/// A call of a CUDA library failed. The message names the call, the library's error and the last op queued on the device.
/// </summary>
/// <param name="message">What failed, why, and what to do next.</param>
/// <param name="code">The library's error code.</param>
public class CudaException(string message, int code) : Exception(message)
{
    /// <summary>The library's error code.</summary>
    public int Code => code;
}

/// <summary>
/// A kernel faulted (illegal address, launch failure). The driver rejects every further call of this process.
/// </summary>
/// <param name="message">What failed and after which op.</param>
/// <param name="code">The driver's error code.</param>
public sealed class DeviceLostException(string message, int code) : CudaException(message, code);

/// <summary>No CUDA device is usable on this machine.</summary>
/// <param name="message">The reason and the remedy.</param>
/// <param name="diagnosis">Everything that was checked.</param>
public sealed class NoCudaException(string message, Diagnosis diagnosis) : Exception(message)
{
    /// <summary>Everything that was checked.</summary>
    public Diagnosis Diagnosis => diagnosis;

    internal static NoCudaException For(Finding finding, Diagnosis diagnosis) =>
        new($"no CUDA: {finding.Subject}: {finding.Message}. To mend it, {finding.Remedy}.", diagnosis);
}
