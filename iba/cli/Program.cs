using System.CommandLine;
using Iba.Cli;

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
    DoctorCommand.Create(),
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
catch (Exception exception)
{
    return (int)Failure.Of(exception).Report();
}
