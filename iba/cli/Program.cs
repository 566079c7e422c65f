using System.CommandLine;
using Engine.Files;
using Engine.Tensors;
using Engine.Training;
using Iba.Attribution;
using Iba.Cli;
using Iba.Datasets;
using Iba.Images;
using Iba.Statistics;

var root = new RootCommand("Attribution of image classifiers in bits per pixel, by restricting the flow of information (IBA).")
{
    AttributeCommand.Create(),
    PredictCommand.Create(),
    EstimateCommand.Create(),
    CompareCommand.Create(),
    EvaluateCommand.Create(),
    PatternsCommand.Create(),
    ReadoutCommand.Create(),
    WeightsCommand.Create(),
    DatasetCommand.Create(),
    DemoCommand.Create(),
};

ParseResult parsed = root.Parse(args);
if (parsed.Errors.Count > 0)
{
    foreach (string error in parsed.Errors.Select(e => e.Message).Distinct())
        Terminal.Fail(error);
    Terminal.Say($"See: iba {string.Join(' ', args.TakeWhile(word => !word.StartsWith('-') && root.Subcommands.Any(c => c.Name == word)))} --help");
    return (int)ExitCode.Usage;
}

try
{
    return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, Interrupt.Token);
}
catch (OperationCanceledException)
{
    Terminal.Say("cancelled; what was finished is kept.");
    return (int)ExitCode.Partial;
}
catch (Exception mistake) when (mistake is UsageException or ArgumentException)
{
    Terminal.Fail(mistake.Message);
    return (int)ExitCode.Usage;
}
catch (DeviceException missing)
{
    Terminal.Fail(missing.Message);
    return (int)ExitCode.NoSuchDevice;
}
catch (Exception failure) when (failure is FileFormatException or ImageException or StatisticsException or PatternsException or ShapeException
    or DatasetException or DivergenceException
    or IOException or UnauthorizedAccessException or InvalidDataException or InvalidOperationException or HttpRequestException)
{
    Terminal.Fail(failure.Message);
    return (int)ExitCode.Failed;
}
catch (Exception bug)
{
    Terminal.Fail($"{bug.GetType().Name}: {bug.Message}");
    Terminal.Say("This is a mistake of the program, not yours. Please report it with the command line and these lines:");
    Terminal.Say(bug.StackTrace ?? "");
    return (int)ExitCode.Failed;
}
