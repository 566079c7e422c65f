using System.Text.Json;
using Xunit;

namespace Tests.Cli;

/// <summary>Full, closed and broken streams, and names that mean something to a shell, a parser or a terminal.</summary>
public sealed class StandardStreamTests : IDisposable
{
    private const string Attribute = "\"$IBA\" attribute a.png b.png --model demo-resnet50 --size 64 --batch 1 --method gradient --out maps";

    private readonly TemporaryFolder _folder = new();

    public StandardStreamTests()
    {
        foreach (string name in (string[])["a.png", "b.png"])
            Copy(name);
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("2>/dev/full")]
    [InlineData("2>&-")]
    public void Without_stderr_the_work_goes_on(string streams)
    {
        IbaProcess.Result result = Shell($"{Attribute} {streams}");
        Assert.Equal(0, result.ExitCode);
        Assert.Equal(2, result.Lines.Length);
        Assert.Equal(6, Directory.GetFiles(_folder["maps"]).Length);
    }

    [Theory]
    [InlineData(">/dev/full", "No space left on device")]
    [InlineData(">&-", "closed")]
    public void Data_that_cannot_be_delivered_end_the_command_in_1_and_what_was_finished_is_kept(string streams, string reason)
    {
        IbaProcess.Result result = Shell($"{Attribute} {streams}");
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("error: stdout", result.Error);
        Assert.Contains(reason, result.Error);
        // The second photo is in work while the first one's line is written: it is finished, or there is nothing of it.
        string[] files = [.. Directory.GetFiles(_folder["maps"]).Select(path => Path.GetFileName(path)).Order()];
        string[] first = ["a.iba.html", "a.iba.png", "a.iba.safetensors"];
        Assert.Contains(files, (string[][])[first, [.. first, "b.iba.html", "b.iba.png", "b.iba.safetensors"]]);
    }

    /// <summary>A name from a file may be megabytes long.</summary>
    [Fact]
    public void A_message_is_at_most_as_long_as_a_screen()
    {
        IbaProcess.Result result = IbaProcess.Run("predict", "--model", "demo-resnet50", new string('x', 100_000));
        Assert.Equal(2, result.ExitCode);
        Assert.Contains(" characters)", result.Error);
        Assert.All(result.Error.Split('\n'), line => Assert.InRange(line.Length, 0, 4200));
    }

    [Fact]
    public void With_both_streams_full_there_is_still_an_exit_code() => Assert.Equal(1, Shell("\"$IBA\" --help >/dev/full 2>/dev/full").ExitCode);

    [Fact]
    public void A_reader_that_closes_the_pipe_ends_the_command_as_it_ends_other_tools()
    {
        // The gate opens after the reader has closed its end: a reader like "head -1" could still be there when the last line is written.
        IbaProcess.Result result = Shell("mkfifo gate; { read _ < gate; \"$IBA\" --help; echo $? > code; } | { exec <&-; echo > gate; }");
        Assert.Empty(result.Lines);
        Assert.Empty(result.Error);
        Assert.Equal("141", File.ReadAllText(_folder["code"]).Trim());
    }

    [Fact]
    public void Names_are_taken_literally_and_printed_without_control_characters()
    {
        string[] names = ["@a.png", "-dash.png", "--out", "esc\e[31m\a.png", "two\nlines.png", "gpj.\u202egnp"];
        foreach (string name in names)
            Copy(name);
        // What @a.png would say as a response file.
        File.WriteAllText(_folder["a.png"], "--out\nelsewhere\n");
        IbaProcess.Result result = Shell("\"$IBA\" predict --json --size 64 --model demo-resnet50 @a.png nowhere\u202e.png -- -dash.png --out esc* two* gpj*");
        Assert.Equal(4, result.ExitCode);
        Assert.DoesNotContain(result.Output + result.Error, letter => letter != '\n' && char.IsControl(letter) || letter == '\u202e');
        JsonElement[] lines = [.. result.Lines.Select(line => JsonDocument.Parse(line).RootElement)];
        Assert.Equal(names.Append("nowhere\u202e.png").Order(StringComparer.Ordinal),
            lines.Select(line => line.GetProperty("image").GetString()!).Order(StringComparer.Ordinal));
        Assert.Equal("nowhere\u202e.png", Assert.Single(lines, line => line.TryGetProperty("error", out _)).GetProperty("image").GetString());
    }

    private IbaProcess.Result Shell(string line)
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "this system has no /dev/full");
        return IbaProcess.Shell(_folder[""], line);
    }

    private void Copy(string name) => File.Copy(Path.Combine(Golden.Path("preprocessing"), "rgb.png"), Path.Combine(_folder[""], name));
}
