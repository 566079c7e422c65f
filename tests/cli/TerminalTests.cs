using System.Text.RegularExpressions;
using Xunit;

namespace Tests.Cli;

/// <summary>What a person sees at a terminal: the command runs in a pseudo-terminal, which util-linux's script makes.</summary>
public sealed partial class TerminalTests : IDisposable
{
    private const string Photos = "one.png two.png three.png";

    private readonly TemporaryFolder _folder = new();

    public TerminalTests()
    {
        foreach (string name in Photos.Split(' '))
            File.Copy(Path.Combine(Golden.Path("preprocessing"), "rgb.png"), _folder[name]);
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(200)]
    [InlineData(30)]
    public void Results_come_out_whole_above_the_bar_and_the_bar_is_gone_at_the_end(int columns)
    {
        string stream = OnTerminal(columns, Attribute);
        Assert.True(Bar().Count(stream) > 3, "no bar was drawn");
        string[] lines = [.. Result().Matches(stream).Select(match => match.Value)];
        Assert.Equal(3, lines.Length);
        // All lines are on the screen in order and complete, wrapped only by the terminal, and nothing else except earlier messages.
        string screen = string.Concat(
            new Screen(columns, stream).Rows.SkipWhile(row => !row.StartsWith("one.png", StringComparison.Ordinal)).Select(row => row.PadRight(1)));
        Assert.Equal(Squeezed(string.Concat(lines)), Squeezed(screen));
    }

    [Fact]
    public void Where_only_stderr_is_the_terminal_stdout_has_the_lines_and_nothing_of_the_bar()
    {
        string stream = OnTerminal(100, $"{Attribute} > out.txt");
        Assert.Matches(Bar(), stream);
        string[] lines = File.ReadAllLines(_folder["out.txt"]);
        Assert.Equal(3, lines.Length);
        Assert.All(lines, line => Assert.Matches($"^{Result()}$", line));
    }

    [Fact]
    public void A_dumb_terminal_gets_plain_lines()
    {
        string stream = OnTerminal(80, Attribute, ("TERM", "dumb"));
        Assert.DoesNotContain('\e', stream);
        Assert.Equal(3, Result().Count(stream));
    }

    [Fact]
    public void The_variable_NO_COLOR_switches_colours_off()
    {
        Assert.Contains("\e[31merror:", OnTerminal(80, "\"$IBA\" attribute nowhere.png --stpes"));
        Assert.DoesNotContain("\e[31m", OnTerminal(80, "\"$IBA\" attribute nowhere.png --stpes", ("NO_COLOR", "1")));
    }

    private const string Attribute = $"\"$IBA\" attribute {Photos} --model demo-resnet50 --size 64 --batch 1 --method gradient --no-report --out maps";

    private string OnTerminal(int columns, string line, params (string, string)[] variables)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/script"), "util-linux's script is not there");
        IbaProcess.Result result = IbaProcess.Shell(
            _folder[""], $"script -qec 'stty columns {columns} rows 20; {line}' /dev/null", [("TERM", "xterm-256color"), ("NO_COLOR", ""), .. variables]);
        return result.Output;
    }

    private static string Squeezed(string text) => Regex.Replace(text, @"\s", "");

    [GeneratedRegex(@"(?:one|two|three)\.png: [^\r\n\e]* s -> maps/\w+\.iba\.png")]
    private static partial Regex Result();

    [GeneratedRegex("attributing .* % .*━*─*")]
    private static partial Regex Bar();
}
