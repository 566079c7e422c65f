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

    public static Result Run(params string[] arguments)
    {
        using Process process = Start(Cache, arguments);
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        process.WaitForExit();
        return new Result(process.ExitCode, output.Result, error.Result);
    }

    public static Process Start(string cache, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "iba.dll"), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["IBA_CACHE"] = cache },
        };
        return Process.Start(start)!;
    }
}
