namespace Iba.Cli;

/// <summary>Ctrl-C: the first asks the work to stop at the next step, the second ends the process.</summary>
internal static class Interrupt
{
    private static readonly CancellationTokenSource Source = Listen();

    public static CancellationToken Token => Source.Token;

    private static CancellationTokenSource Listen()
    {
        var source = new CancellationTokenSource();
        Console.CancelKeyPress += (_, press) =>
        {
            press.Cancel = !source.IsCancellationRequested;
            source.Cancel();
        };
        return source;
    }
}
