using System.Management.Automation.Language;
using System.Text.RegularExpressions;
using Xunit;

namespace Tests.Project;

/// <summary>build.ps1, read by PowerShell's own parser, also where no PowerShell is installed.</summary>
public sealed class BuildScriptTests
{
    private static readonly ScriptBlockAst Script = Parser.ParseFile(Path.Combine(Golden.Root, "build.ps1"), out _, out Errors);

    private static readonly ParseError[] Errors;

    private static readonly string[] Ci = File.ReadAllLines(Path.Combine(Golden.Root, ".ci", "run"));

    [Fact]
    public void PowerShell_parses_the_build_script_without_errors() =>
        Assert.Empty(Errors.Select(error => $"{error.Extent.StartLineNumber}: {error.Message}"));

    [Fact]
    public void Every_parameter_of_the_build_script_is_described()
    {
        IDictionary<string, string> described = Script.GetHelpContent().Parameters;
        Assert.All(Script.ParamBlock.Parameters, p => Assert.Contains(p.Name.VariablePath.UserPath.ToUpperInvariant(), described.Keys));
    }

    /// <summary>One list of steps, which both take under no condition, and no other that one of them takes alone: only the tests can be skipped.</summary>
    [Fact]
    public void Both_scripts_take_the_steps_of_one_list()
    {
        string[] steps = [.. File.ReadAllLines(Path.Combine(Golden.Root, ".ci", "steps")).Where(line => !line.StartsWith('#'))];
        Assert.All(steps, step => Assert.Matches(@"^[^#|]+ \| [^|]+$", step));
        Assert.Contains(steps, step => step.Contains("format") && step.EndsWith(" --verify-no-changes", StringComparison.Ordinal));
        Assert.Contains(steps, step => step.Contains("build") && step.EndsWith(" --configuration Release", StringComparison.Ordinal));
        Assert.Single(Ci, "done < <(grep -v '^#' .ci/steps)");
        Assert.DoesNotContain(Ci, line => Regex.IsMatch(line, @"^\s*dotnet (?!run --project tests|\$arguments)"));
        PipelineAst list = Assert.Single(Script.EndBlock.Statements.OfType<PipelineAst>(), line => line.Extent.Text.Contains(".ci/steps"));
        Assert.Contains("Invoke-Step", list.Extent.Text);
        Assert.DoesNotContain(Script.EndBlock.Statements.OfType<PipelineAst>(), line => IsCall(line.PipelineElements[0], "Invoke-Step"));
    }

    [Fact]
    public void Both_scripts_run_the_tests_by_the_first_command_that_the_README_gives()
    {
        string[] readme = File.ReadAllLines(Path.Combine(Golden.Root, "README.md"));
        string ofCi = Assert.Single(Ci, line => line.StartsWith("command=", StringComparison.Ordinal));
        string ofScript = Assert.Single(Script.FindAll(ast => IsCall(ast, "Select-String"), true), call => call.Extent.Text.Contains("README.md")).Extent.Text;
        Match grep = Regex.Match(ofCi, @"grep -m 1 '(.+)' README\.md"), select = Regex.Match(ofScript, @"-Path 'README\.md' -Pattern '(.+)'");
        string command = readme.First(line => Regex.IsMatch(line, grep.Groups[1].Value));
        Assert.StartsWith("dotnet test ", command);
        Assert.Equal(command, readme.First(line => Regex.IsMatch(line, select.Groups[1].Value)));
        Assert.Equal(command, $"dotnet {Regex.Match(command, select.Groups[1].Value).Groups[1].Value}");
    }

    private static bool IsCall(Ast ast, string command) => ast is CommandAst call && call.GetCommandName() == command;
}
