using System.Diagnostics;
using System.Text.RegularExpressions;
using Xunit;

namespace Tests.Project;

/// <summary>What travels to a GPU machine: the sources as git tracks them, and the programs that tests/gpu.sh packs.</summary>
public sealed class PayloadTests
{
    private static readonly string Root = Golden.Root;

    /// <summary>Each part is held to its own share, so that the packing cannot fail for what the sources have grown by.</summary>
    [Fact]
    public void Sources_and_packed_programs_stay_within_what_travels()
    {
        Assert.SkipUnless(Path.Exists(Path.Combine(Root, ".git")), "the sources are a copy without git, which would say what is tracked");
        string script = File.ReadAllText(Path.Combine(Root, "tests", "gpu.sh"));
        long limit = Bound("limit"), programs = Bound("programs_limit");
        Assert.InRange(limit, 1, 60_000_000);
        long sources = Tracked().Select(file => new FileInfo(Path.Combine(Root, file))).Where(file => file.Exists).Sum(file => file.Length);
        Assert.True(sources <= limit - programs, $"the tracked files have {sources} bytes, {limit - programs} may travel beside the programs");
        var packed = new FileInfo(Path.Combine(Root, "out", "gpu", "carry", "iba-gpu.tar.xz"));
        Assert.True(!packed.Exists || packed.Length <= programs, $"{packed} has {(packed.Exists ? packed.Length : 0)} bytes, at most {programs} may travel");

        long Bound(string name) => long.Parse(Regex.Match(script, $@"^{name}=(\d+)$", RegexOptions.Multiline).Groups[1].Value);
    }

    private static string[] Tracked()
    {
        using Process git = Process.Start(new ProcessStartInfo("git", ["-c", "safe.directory=*", "ls-files", "-z"])
        {
            WorkingDirectory = Root,
            RedirectStandardOutput = true,
        })!;
        string names = git.StandardOutput.ReadToEnd();
        git.WaitForExit();
        Assert.Equal(0, git.ExitCode);
        return names.Split('\0', StringSplitOptions.RemoveEmptyEntries);
    }
}
