using System.Diagnostics;

namespace Tests.Cli;

/// <summary>The iba command as its users start it: a process of its own.</summary>
internal static class IbaProcess
{
    public sealed record Result(int ExitCode, string Output, string Error)
    {
        public string[] Lines => Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>Nothing of the machine's own cache may help or harm a test.</summary>
    public static readonly string Cache = Path.Combine(Path.GetTempPath(), $"iba-tests-{Environment.ProcessId}");

    public static Result Run(params string[] arguments) => RunIn([], arguments);

    /// <summary>Runs it with other environment variables.</summary>
    public static Result RunIn((string Name, string Value)[] variables, params string[] arguments)
    {
        using Process process = Start(Cache, arguments, variables);
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        process.WaitForExit();
        return new Result(process.ExitCode, output.Result, error.Result);
    }

    public static Process Start(string cache, params string[] arguments) => Start(cache, arguments, []);

    private static Process Start(string cache, string[] arguments, (string Name, string Value)[] variables)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "iba.dll"), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            // What comes back must be the CPU's, to the byte, wherever the tests run.
            Environment = { ["IBA_CACHE"] = cache, ["CUDA_VISIBLE_DEVICES"] = "-1" },
        };
        foreach ((string name, string value) in variables)
            start.Environment[name] = value;
        return Process.Start(start)!;
    }
}
