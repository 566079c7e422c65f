using System.Text.RegularExpressions;
using Xunit;

namespace Tests.Engine;

/// <summary>C# forbids circles between projects only: inside engine/ the arrows between rooms are held straight here.</summary>
public sealed partial class ArrowTests
{
    /// <summary>Every room and the rooms that it may look into.</summary>
    private static readonly Dictionary<string, string[]> Arrows = new()
    {
        ["Files"] = [],
        ["Tensors"] = [],
        ["Backends"] = ["Tensors"],
        ["Backends.Cpu.Simd"] = ["Backends"],
        ["Backends.Cpu.Products"] = ["Tensors", "Backends", "Backends.Cpu.Simd"],
        ["Backends.Cpu.Winograd"] = ["Tensors", "Backends", "Backends.Cpu.Simd", "Backends.Cpu.Products"],
        ["Backends.Cpu"] = ["Tensors", "Backends", "Backends.Cpu.Simd", "Backends.Cpu.Products", "Backends.Cpu.Winograd"],
        ["Backends.Cuda.Native"] = [],
        ["Backends.Cuda.Plans"] = ["Tensors", "Files", "Backends", "Backends.Cuda.Native"],
        ["Backends.Cuda"] = ["Tensors", "Files", "Backends", "Backends.Cuda.Native", "Backends.Cuda.Plans"],
        ["Autograd"] = ["Tensors", "Backends"],
        ["Ops"] = ["Tensors", "Backends", "Autograd"],
        ["Optimizers"] = ["Tensors", "Backends", "Autograd", "Ops"],
        ["Networks"] = ["Tensors", "Backends", "Autograd", "Ops"],
        ["Training"] = ["Files", "Tensors", "Backends", "Autograd", "Ops", "Networks", "Optimizers"],
    };

    [Fact]
    public void No_room_of_the_engine_looks_into_one_that_builds_on_it()
    {
        var back = new List<string>();
        int arrows = 0;
        foreach ((string file, string room, string text) in Sources())
        {
            foreach (string to in Looks(text).Where(to => to != room))
            {
                arrows++;
                if (!Arrows[room].Contains(to))
                    back.Add($"{file}: Engine.{room} -> Engine.{to}");
            }
        }
        Assert.Empty(back);
        Assert.True(arrows > 50, $"only {arrows} arrows were seen: the sources are not where they were");
    }

    [Fact]
    public void A_files_namespace_is_its_folder()
    {
        foreach ((string file, string room, _) in Sources())
            Assert.Equal(room.ToLowerInvariant(), Path.GetDirectoryName(file)!.Replace(Path.DirectorySeparatorChar, '.'));
    }

    /// <summary>The check itself: it sees both ways in which a file can name another room.</summary>
    [Fact]
    public void A_using_line_and_a_full_name_are_both_looks() =>
        Assert.Equal(["Ops", "Autograd"], Looks("using Engine.Ops;\nnamespace Engine.Tensors;\nEngine.Autograd.Tape tape;").Distinct());

    private static IEnumerable<(string File, string Room, string Text)> Sources()
    {
        string engine = Path.Combine(Golden.Root, "engine");
        foreach (string file in Directory.EnumerateFiles(engine, "*.cs", SearchOption.AllDirectories).Order())
        {
            string name = Path.GetRelativePath(engine, file);
            if (name.StartsWith("obj") || name.StartsWith("bin"))
                continue;
            string text = File.ReadAllText(file);
            Match own = Namespace().Match(text);
            if (own.Success)
                yield return (name, own.Groups[1].Value, text);
        }
    }

    /// <summary>The rooms that a text names, the longest that fits: Engine.Backends.Cpu.CpuBackend looks into Backends.Cpu.</summary>
    private static IEnumerable<string> Looks(string text) =>
        from Match name in QualifiedName().Matches(Namespace().Replace(text, ""))
        let room = Arrows.Keys.Where(room => (name.Groups[1].Value + ".").StartsWith(room + ".")).MaxBy(room => room.Length)
        where room is not null
        select room;

    [GeneratedRegex(@"^namespace Engine\.([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex Namespace();

    [GeneratedRegex(@"\bEngine\.([A-Z][\w.]*)")]
    private static partial Regex QualifiedName();
}
