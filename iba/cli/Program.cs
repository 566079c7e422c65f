using System.CommandLine;
using Iba.Cli;

Interrupt.Listen();
ParseResult parsed = CommandLine.Parse(args);
int code = CommandLine.Mistakes(parsed) is [_, ..] mistakes ? Refuse(mistakes) : await Run();
return Terminal.Undelivered is { } failure ? (int)failure.Report() : code;

int Refuse(IReadOnlyList<string> mistakes)
{
    foreach (string mistake in mistakes)
        Terminal.Fail(mistake);
    Terminal.Say($"See: {CommandLine.Spelled(parsed.CommandResult)} --help");
    return (int)ExitCode.Usage;
}

async Task<int> Run()
{
    // Help and version, which the parser writes itself.
    using var text = new StringWriter();
    try
    {
        int code = await parsed.InvokeAsync(
            new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null, Output = text }, Interrupt.Token);
        if (text.ToString() is { Length: > 0 } help)
            help.TrimEnd().ReplaceLineEndings("\n").Split('\n').ToList().ForEach(Terminal.Data);
        return code;
    }
    // Stdout could not be written, which stopped the work: report that instead.
    catch (OperationCanceledException) when (Terminal.Undelivered is not null)
    {
        return (int)ExitCode.Failed;
    }
    catch (Exception exception)
    {
        return (int)Failure.Of(exception).Report();
    }
}
