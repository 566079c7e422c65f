using System.CommandLine;
using Iba.Service;

ParseResult parsed = ServeCommand.Create().Parse(args);
if (parsed.Errors is not [])
{
    foreach (string mistake in parsed.Errors.Select(error => error.Message))
        Console.Error.WriteLine($"iba-serve: {mistake}");
    Console.Error.WriteLine("See: iba-serve --help");
    return ServeCommand.WrongUsage;
}
return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
