using System.Text.Json;
using Xunit;

namespace Tests.Project;

/// <summary>Licences and notices that are published with the command.</summary>
public sealed class NoticesTests
{
    // Work at build time, and are not part of the program.
    private static readonly string[] BuildOnly = ["Microsoft.NET.ILLink.Tasks", "MinVer"];

    private static string Published(string file) => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, file));

    [Fact]
    public void Every_package_of_the_command_is_listed_with_a_licence()
    {
        string notices = Published("THIRD-PARTY-NOTICES.txt");
        using JsonDocument locked = JsonDocument.Parse(File.ReadAllText(Path.Combine(Golden.Root, "iba", "cli", "packages.lock.json")));
        string[] packages = [.. locked.RootElement.GetProperty("dependencies").EnumerateObject().SelectMany(framework => framework.Value.EnumerateObject())
            .Where(package => package.Value.GetProperty("type").GetString() != "Project" && !BuildOnly.Contains(package.Name))
            .Select(package => $"{package.Name} {package.Value.GetProperty("resolved").GetString()}")];
        Assert.NotEmpty(packages);
        string[] own = [.. File.ReadLines(Path.Combine(Golden.Root, "iba", "cli", "LICENCES.txt")).SelectMany(line => line.Split(", "))];
        foreach (string package in packages)
        {
            Assert.Contains($"- {package}", notices.Split(["\r\n", "\n"], StringSplitOptions.None));
            // With the text of its own package, or by name among those that have none.
            Assert.True(
                notices.Contains($"======== {package}, LICENSE", StringComparison.OrdinalIgnoreCase) || own.Contains(package.Split(' ')[0]),
                $"{package} has no licence in THIRD-PARTY-NOTICES.txt: add it to iba/cli/LICENCES.txt");
        }
    }

    [Fact]
    public void What_SkiaSharp_is_made_of_is_named_with_its_notices()
    {
        string notices = Published("THIRD-PARTY-NOTICES.txt");
        foreach (string library in (string[])["libpng", "libjpeg-turbo", "libwebp", "zlib", "Skia"])
            Assert.Contains(library, notices, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void The_programs_own_licence_lies_beside_it() =>
        Assert.Equal(File.ReadAllText(Path.Combine(Golden.Root, "LICENSE")), Published("LICENSE"));
}
