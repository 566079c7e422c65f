using System.Diagnostics;
using System.Runtime.InteropServices;
using Xunit;

namespace Tests.Cli;

/// <summary>The iba command as its users start it: a process of its own.</summary>
internal static class IbaProcess
{
    public sealed record Result(int ExitCode, string Output, string Error)
    {
        public string[] Lines => Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>The user's own cache must not influence a test.</summary>
    public static readonly string Cache = Path.Combine(Path.GetTempPath(), $"iba-tests-{Environment.ProcessId}");

    /// <summary>The program itself, beside the tests: it needs no dotnet on the path.</summary>
    private static readonly string Command = Path.Combine(AppContext.BaseDirectory, OperatingSystem.IsWindows() ? "iba.exe" : "iba");

    /// <summary>Where that program finds the runtime that this process runs on; ignored where a runtime is published with it.</summary>
    private static readonly string Runtime = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));

    /// <summary>A shell that starts the tests in the background has SIGINT ignored, and children inherit that: Ctrl-C would do nothing.</summary>
    static IbaProcess()
    {
        const nint Default = 0, Ignored = 1;
        if (!OperatingSystem.IsWindows() && Signal(2, Default) is var before && before != Ignored)
            Signal(2, before);
    }

    public static Result Run(params string[] arguments) => RunIn([], arguments);

    /// <summary>Runs it with other environment variables.</summary>
    public static Result RunIn((string Name, string Value)[] variables, params string[] arguments) => Finish(Start(Cache, arguments, variables));

    private static Result Finish(Process started)
    {
        using Process process = started;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        process.WaitForExit();
        return new Result(process.ExitCode, output.Result, error.Result);
    }

    /// <summary>Runs it in a folder.</summary>
    public static Result RunAt(string folder, params string[] arguments) => Finish(Start(Cache, arguments, [], folder));

    /// <summary>Runs it with bytes on its standard input.</summary>
    public static Result RunWithInput(byte[] input, params string[] arguments)
    {
        Process process = Start(Cache, arguments, [], redirectsInput: true);
        process.StandardInput.BaseStream.Write(input);
        process.StandardInput.Close();
        return Finish(process);
    }

    /// <summary>Runs a line of sh in a folder, in which "$IBA" is the program.</summary>
    public static Result Shell(string folder, string line, params (string Name, string Value)[] variables) => Finish(StartShell(line, folder, variables));

    public static Process Start(string cache, params string[] arguments) => Start(cache, arguments, []);

    /// <summary>Starts such a line of sh.</summary>
    public static Process StartShell(string line, string folder = "", params (string Name, string Value)[] variables)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "there is no sh on Windows");
        return Start("/bin/sh", ["-c", line], Cache, [("IBA", Command), .. variables], folder);
    }

    /// <summary>What a terminal sends at Ctrl-C; where there is no such signal, the test is skipped.</summary>
    public static void SendCtrlC(Process process) => Send(process, signal: 2);

    /// <summary>Sends a signal by its number: 1 SIGHUP, 2 SIGINT, 15 SIGTERM.</summary>
    public static void Send(Process process, int signal)
    {
        if (OperatingSystem.IsWindows())
        {
            process.Kill();
            Assert.Skip("a process cannot be sent signals from here on Windows");
        }
        Assert.Equal(0, Kill(process.Id, signal));
    }

    [DllImport("libc", EntryPoint = "signal")]
    private static extern nint Signal(int signal, nint handler);

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int process, int signal);

    private static Process Start(
        string cache, string[] arguments, (string Name, string Value)[] variables, string folder = "", bool redirectsInput = false) =>
        Start(Command, arguments, cache, variables, folder, redirectsInput);

    private static Process Start(
        string command, string[] arguments, string cache, (string Name, string Value)[] variables, string folder, bool redirectsInput = false)
    {
        var start = new ProcessStartInfo(command, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = redirectsInput,
            WorkingDirectory = folder,
            // Results must be the CPU's, to the byte, wherever the tests run.
            Environment = { ["IBA_CACHE"] = cache, ["CUDA_VISIBLE_DEVICES"] = "-1", ["DOTNET_ROOT"] = Runtime },
        };
        foreach ((string name, string value) in variables)
            start.Environment[name] = value;
        return Process.Start(start)!;
    }
}
