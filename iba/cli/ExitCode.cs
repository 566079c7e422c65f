using Iba.Engine.Backends.Cuda;

namespace Iba.Cli;

/// <summary>How the command ended, for scripts.</summary>
internal enum ExitCode
{
    Done = 0,
    Failed = 1,
    Usage = 2,
    NoSuchDevice = 3,

    /// <summary>Cancelled, or some of several inputs failed; what was finished is kept.</summary>
    Partial = 4,

    /// <summary>The reader of stdout is gone (<c>| head -1</c>): what shells say of a tool that SIGPIPE ended, 128 + 13.</summary>
    BrokenPipe = 141,
}

/// <summary>The user asked for something that cannot be; the message says what, why and what to do next.</summary>
internal sealed class UsageException(string message) : Exception(message);

/// <summary>The device asked for is not there.</summary>
/// <param name="message">Which, and why.</param>
/// <param name="diagnosis">Everything that was looked at, if anything was.</param>
internal sealed class DeviceException(string message, Diagnosis? diagnosis = null) : Exception(message)
{
    public Diagnosis? Diagnosis => diagnosis;
}
