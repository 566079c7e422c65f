namespace Iba.Engine.Backends.Cuda;

/// <summary>
/// A call of a CUDA library failed. The message names the call, the library's error and the last op queued on the device.
/// </summary>
/// <param name="subject">The device.</param>
/// <param name="reason">The call, its error and the last op.</param>
/// <param name="code">The library's error code.</param>
/// <param name="remedy">The next step.</param>
public class CudaException(string subject, string reason, int code, string remedy = "See what this machine has of CUDA: iba doctor")
    : IbaException(subject, reason, remedy)
{
    /// <summary>The library's error code.</summary>
    public int Code => code;
}

/// <summary>
/// A kernel faulted (illegal address, launch failure). The driver rejects every further call of this process.
/// </summary>
/// <param name="subject">The device.</param>
/// <param name="reason">What failed and after which op.</param>
/// <param name="code">The driver's error code.</param>
public sealed class DeviceLostException(string subject, string reason, int code)
    : CudaException(subject, reason, code, "The device is lost to this process: end it and run the rest in another, on the CPU if it happens again.");

/// <summary>No CUDA device is usable on this machine.</summary>
/// <param name="subject">What is not there.</param>
/// <param name="reason">Why.</param>
/// <param name="remedy">The next step.</param>
/// <param name="diagnosis">Everything that was checked.</param>
public sealed class NoCudaException(string subject, string reason, string remedy, Diagnosis diagnosis) : IbaException(subject, reason, remedy)
{
    /// <summary>Everything that was checked.</summary>
    public Diagnosis Diagnosis => diagnosis;

    internal static NoCudaException For(Finding finding, Diagnosis diagnosis) =>
        new("no CUDA", $"{finding.Subject}: {finding.Message}", $"To fix it, {finding.Remedy}.", diagnosis);
}
