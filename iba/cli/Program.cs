using System.CommandLine;
using System.CommandLine.Parsing;
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
    foreach (string error in parsed.Errors.Select(Named).Distinct())
        Terminal.Fail(error);
    Terminal.Say($"See: {Spelled(parsed.CommandResult)} --help");
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

// The parser's own words for a bad value do not always say which option had it.
static string Named(ParseError error) => error.SymbolResult is OptionResult { Option.Name: var name } && !error.Message.Contains(name)
    ? $"{name}: {error.Message}"
    : error.Message;

static string Spelled(CommandResult of) => of.Parent is CommandResult above ? $"{Spelled(above)} {of.Command.Name}" : "iba";
