using System.Text.RegularExpressions;
using Xunit;

namespace Tests;

/// <summary>The layout of the sources that the formatter does not check.</summary>
public sealed partial class LayoutTests
{
    [Fact]
    public void No_line_of_CSharp_is_longer_than_editorconfig_allows()
    {
        string settings = File.ReadAllText(Path.Combine(Golden.Root, ".editorconfig"));
        int limit = int.Parse(MaxLineLength().Match(settings).Groups[1].Value);
        string[] files = [.. Sources(Golden.Root)];
        Assert.True(files.Length > 300, $"only {files.Length} sources were found below {Golden.Root}");
        Assert.Empty(files.SelectMany(file => File.ReadLines(file).Index()
            .Where(line => line.Item.Length > limit).Select(line => $"{file}:{line.Index + 1}: {line.Item.Length} columns")));
    }

    private static IEnumerable<string> Sources(string folder) => Directory.EnumerateFiles(folder, "*.cs").Concat(
        Directory.EnumerateDirectories(folder).Where(child => !BuildOutput().IsMatch(Path.GetFileName(child))).SelectMany(Sources));

    [GeneratedRegex(@"^(bin|obj|out|\..*)$")]
    private static partial Regex BuildOutput();

    [GeneratedRegex(@"^max_line_length *= *(\d+)", RegexOptions.Multiline)]
    private static partial Regex MaxLineLength();
}
