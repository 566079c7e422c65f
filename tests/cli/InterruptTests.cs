using System.Diagnostics;
using System.Globalization;
using Xunit;

namespace Tests.Cli;

public sealed class InterruptTests
{
    private const int Hup = 1, Int = 2, Term = 15;

    [Theory]
    [InlineData(Hup)]
    [InlineData(Int)]
    [InlineData(Term)]
    public void A_signal_is_answered_and_ends_the_work_in_4(int signal)
    {
        using Process process = Start("attribute", "--steps", "100000", "--out", Path.Combine(IbaProcess.Cache, "nothing"));
        IbaProcess.Send(process, signal);
        string said = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.Contains("stopping after the current step", said);
        Assert.Contains("what was finished is kept", said);
        Assert.Equal(4, process.ExitCode);
    }

    [Theory]
    [InlineData(Int)]
    [InlineData(Term)]
    public void The_second_ends_the_process_at_once_even_where_it_hangs_in_a_write(int signal)
    {
        // Nobody reads stdout, and it is full before the program starts.
        using Process process = Start("--filled");
        IbaProcess.Send(process, signal);
        Assert.Contains("stopping after the current step", process.StandardError.ReadLine());
        Thread.Sleep(500); // within 250 ms it would be the first one's echo
        Assert.False(process.HasExited);
        IbaProcess.Send(process, signal);
        process.WaitForExit();
        Assert.Equal(128 + signal, process.ExitCode);
    }

    [Theory]
    [InlineData(Int)]
    [InlineData(Term)]
    public void The_first_signal_ends_the_wait_for_the_reader_of_a_pipe(int signal)
    {
        using var folder = new TemporaryFolder();
        string pipe = folder["pipe"];
        using (Process made = IbaProcess.StartShell($"mkfifo {pipe}"))
            made.WaitForExit();
        using Process process = Start("weights", "convert", Golden.Path("resnet50-narrow.pth"), "--out", pipe);
        using var reader = new FileStream(pipe, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        // It begins and then blocks: the pipe holds less than the file.
        Assert.NotEqual(-1, reader.ReadByte());
        IbaProcess.Send(process, signal);
        process.WaitForExit();
        Assert.Equal(4, process.ExitCode);
    }

    /// <summary>Starts the program, and waits until it listens for signals.</summary>
    private static Process Start(params string[] arguments)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "whether a process listens for signals is looked up in Linux's /proc");
        Process process = arguments is ["--filled"]
            ? IbaProcess.StartShell("head -c 65536 /dev/zero; exec \"$IBA\" --help")
            : IbaProcess.Start(IbaProcess.Cache, arguments);
        while (!Listens(process) && !process.HasExited)
            Thread.Sleep(10);
        return process;
    }

    private static bool Listens(Process process)
    {
        const string Caught = "SigCgt:";
        string mask = File.ReadLines($"/proc/{process.Id}/status").First(line => line.StartsWith(Caught, StringComparison.Ordinal))[Caught.Length..];
        const long All = 1 << (Hup - 1) | 1 << (Int - 1) | 1 << (Term - 1);
        return (long.Parse(mask, NumberStyles.HexNumber, CultureInfo.InvariantCulture) & All) == All;
    }
}
