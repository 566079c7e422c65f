using System.Diagnostics;
using Xunit;

namespace Tests.Readme;

/// <summary>The programs in samples/ are compiled and run as their first lines say.</summary>
public sealed class FileProgramTests
{
    [Fact]
    public void Every_sample_runs()
    {
        Assert.SkipWhen(!File.Exists(Path.Combine(Golden.Root, "samples", "find-the-nan.cs")) || !HasSdk(), "file-based programs need the .NET SDK");
        string[] programs = [.. Directory.GetFiles(Path.Combine(Golden.Root, "samples"), "*.cs").Select(file => Path.GetFileName(file)).Order()];
        Assert.Equal(["find-the-nan.cs", "gradient-path.cs", "guided-rule.cs"], programs);
        string[] outputs = [.. programs.Select(program =>
        {
            (int code, string output) = Dotnet("run", "--configuration", "Release", Path.Combine("samples", program));
            Assert.True(code == 0, $"{program}: {output}");
            return output;
        })];
        Assert.Contains("layer = Linear, computes NaN at row 0 of the batch, number 0 (1 of 2 numbers are not finite), because of weight", outputs[0]);
        Assert.Contains("loses most of it; class 5", outputs[1]);
        Assert.Contains("they part at ", outputs[2]);
    }

    private static bool HasSdk()
    {
        try
        {
            return Dotnet("--version").Code == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }

    private static (int Code, string Output) Dotnet(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("dotnet", arguments)
        {
            WorkingDirectory = Golden.Root,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + errors.Result);
    }
}
