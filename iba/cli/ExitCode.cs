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

    /// <summary>The reader of stdout has closed it (<c>| head -1</c>): 128 + 13, as shells report a process that SIGPIPE ended.</summary>
    BrokenPipe = 141,
}

/// <summary>The command line is wrong; the message says what, why and what to do next.</summary>
internal sealed class UsageException(string message) : Exception(message);

/// <summary>The requested device is not there.</summary>
/// <param name="message">Which, and why.</param>
/// <param name="diagnosis">Everything that was looked at, if anything was.</param>
internal sealed class DeviceException(string message, Diagnosis? diagnosis = null) : Exception(message)
{
    public Diagnosis? Diagnosis => diagnosis;
}
