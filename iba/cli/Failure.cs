using Iba.Engine;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cuda;
using Iba.Engine.Files;

namespace Iba.Cli;

/// <summary>Exit code and messages for an exception.</summary>
/// <param name="Code">The exit code.</param>
/// <param name="Message">What failed and why; null if nothing failed.</param>
/// <param name="Advice">The next steps and further information.</param>
internal sealed record Failure(ExitCode Code, string? Message, params IReadOnlyList<string> Advice)
{
    public static Failure Of(Exception exception) => exception switch
    {
        // What a thread of several met.
        AggregateException { InnerException: { } inner } => Of(inner),
        OperationCanceledException => new Failure(ExitCode.Partial, null, "cancelled; what was finished is kept."),
        UsageException => new Failure(ExitCode.Usage, exception.Message),
        DeviceException { Diagnosis: { } diagnosis } => new Failure(ExitCode.NoSuchDevice, exception.Message,
            [.. new DoctorReport(diagnosis).Findings, "Where everything was looked for: iba doctor --searched. The CPU always works: --device cpu."]),
        DeviceException => new Failure(ExitCode.NoSuchDevice, exception.Message),
        DeviceLostException => new Failure(ExitCode.Failed, exception.Message,
            "What was finished is kept: run the command again for the rest; if it happens again, give --device cpu."),
        DeviceMemoryException or OutOfMemoryException => new Failure(ExitCode.Failed, exception.Message,
            "Give a smaller --batch, --copies or --size where the command has them, a larger --gpu-memory if you gave one, "
                + "free the GPU of other programs, or give --device cpu."),
        FileNotFoundException or DirectoryNotFoundException => new Failure(ExitCode.Failed, exception.Message, "Check the path as the command line has it."),
        UnauthorizedAccessException => new Failure(ExitCode.Failed, exception.Message,
            "Files to read must be yours to read, and the folder of --out yours to write: change the right, or name another place."),
        // One line for each error.
        FileFormatException => new Failure(ExitCode.Failed, exception.Message.Split('\n')[0], exception.Message.Split('\n')[1..]),
        IbaException or IOException or InvalidDataException or InvalidOperationException or HttpRequestException =>
            new Failure(ExitCode.Failed, exception.Message),
        // Settings that their own check refuses. A parameter's name is of use to programmers only.
        ArgumentException { ParamName: var parameter } => new Failure(ExitCode.Usage, exception.Message.Replace($" (Parameter '{parameter}')", "")),
        _ => new Failure(ExitCode.Failed, $"{exception.GetType().Name}: {exception.Message}",
            ["This is a mistake of the program, not yours. Please report it with the command line and these lines:",
                .. (exception.StackTrace ?? "").ReplaceLineEndings("\n").Split('\n')]),
    };

    public ExitCode Report()
    {
        if (Message is not null)
            Terminal.Fail(Message);
        foreach (string line in Advice)
            Terminal.Say(line);
        return Code;
    }
}
