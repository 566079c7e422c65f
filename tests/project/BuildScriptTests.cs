using System.Management.Automation.Language;
using Xunit;

namespace Tests.Project;

/// <summary>build.ps1 is checked by PowerShell's own parser, also where no PowerShell is installed.</summary>
public sealed class BuildScriptTests
{
    private static readonly string Script = Path.Combine(Golden.Root, "build.ps1");

    [Fact]
    public void PowerShell_parses_the_build_script_without_errors()
    {
        Parser.ParseFile(Script, out _, out ParseError[] errors);
        Assert.Empty(errors.Select(error => $"{error.Extent.StartLineNumber}: {error.Message}"));
    }

    [Fact]
    public void The_parser_would_find_a_mistake()
    {
        Parser.ParseInput(File.ReadAllText(Script) + "\nif ($true) {", out _, out ParseError[] errors);
        Assert.NotEmpty(errors);
    }

    [Fact]
    public void Every_parameter_of_the_build_script_is_described()
    {
        ScriptBlockAst script = Parser.ParseFile(Script, out _, out _);
        IDictionary<string, string> described = script.GetHelpContent().Parameters;
        Assert.All(script.ParamBlock.Parameters, p => Assert.Contains(p.Name.VariablePath.UserPath.ToUpperInvariant(), described.Keys));
    }

    [Fact]
    public void The_build_script_takes_the_steps_of_the_ci_script()
    {
        string ci = File.ReadAllText(Path.Combine(Golden.Root, ".ci", "run")), windows = File.ReadAllText(Script);
        foreach (string step in (string[])["restore", "format", "build", "--locked-mode", "--verify-no-changes", "README.md"])
        {
            Assert.Contains(step, ci);
            Assert.Contains(step, windows);
        }
    }
}
