using System.Text.RegularExpressions;
using Iba.Engine.Tensors;
using Iba.Explaining;
using Iba.Images;
using Iba.Shapes;
using Iba.Weights;
using Xunit;

namespace Tests;

/// <summary>C# forbids circles between projects only; these tests keep the dependencies between namespaces in one direction.</summary>
public sealed partial class ArrowTests
{
    /// <summary>The folder of each project and its root namespace. A folder below it is a namespace below.</summary>
    private static readonly (string Folder, string Root)[] Projects =
    [
        ("engine", "Engine"), ("weights", "Weights"), ("iba/shapes", "Shapes"), ("iba/explaining", "Explaining"), ("iba/library", "Library"),
        ("iba/service", "Service"), ("iba/cli", "Cli"), ("iba", ""),
    ];

    /// <summary>
    /// Each namespace below Iba, and those that it may use. "Engine" also stands for all below it, "" is the library's own root. What a namespace uses
    /// of the one around it needs no using line and is not seen here.
    /// </summary>
    private static readonly Dictionary<string, string[]> Arrows = new()
    {
        ["Engine"] = ["Engine.Files"],
        ["Engine.Files"] = [],
        ["Engine.Tensors"] = [],
        ["Engine.Backends"] = ["Engine.Tensors"],
        ["Engine.Backends.Cpu.Simd"] = ["Engine.Backends"],
        ["Engine.Backends.Cpu.Products"] = ["Engine.Tensors", "Engine.Backends", "Engine.Backends.Cpu.Simd"],
        ["Engine.Backends.Cpu.Winograd"] = ["Engine.Tensors", "Engine.Backends", "Engine.Backends.Cpu.Simd", "Engine.Backends.Cpu.Products"],
        ["Engine.Backends.Cpu"] =
            ["Engine.Tensors", "Engine.Backends", "Engine.Backends.Cpu.Simd", "Engine.Backends.Cpu.Products", "Engine.Backends.Cpu.Winograd"],
        ["Engine.Backends.Cuda.Native"] = [],
        ["Engine.Backends.Cuda.Plans"] = ["Engine.Tensors", "Engine.Files", "Engine.Backends", "Engine.Backends.Cuda.Native"],
        ["Engine.Backends.Cuda"] = ["Engine.Tensors", "Engine.Files", "Engine.Backends", "Engine.Backends.Cuda.Native", "Engine.Backends.Cuda.Plans"],
        ["Engine.Autograd"] = ["Engine.Tensors", "Engine.Backends"],
        ["Engine.Ops"] = ["Engine.Tensors", "Engine.Backends", "Engine.Autograd"],
        ["Engine.Optimizers"] = ["Engine.Tensors", "Engine.Backends", "Engine.Autograd", "Engine.Ops"],
        ["Engine.Networks"] = ["Engine.Tensors", "Engine.Backends", "Engine.Autograd", "Engine.Ops"],
        ["Engine.Training"] =
            ["Engine.Files", "Engine.Tensors", "Engine.Backends", "Engine.Autograd", "Engine.Ops", "Engine.Networks", "Engine.Optimizers"],
        ["Engine.Diagnostics"] =
        [
            "Engine.Tensors", "Engine.Backends", "Engine.Backends.Cpu", "Engine.Backends.Cuda", "Engine.Autograd", "Engine.Ops", "Engine.Networks",
            "Engine.Training",
        ],
        ["Weights.Pickle"] = ["Engine"],
        ["Weights.Torch"] = ["Engine", "Weights.Pickle"],
        ["Weights.Containers"] = ["Engine", "Weights.Pickle", "Weights.Torch"],
        ["Weights"] = ["Engine", "Weights.Pickle", "Weights.Containers", "Weights.Torch"],
        ["Images"] = ["Engine"],
        ["Labels"] = ["Engine"],
        [""] = ["Engine", "Images", "Labels"],
        ["Statistics"] = ["Engine", "Images", "", "Datasets"],
        ["Bottleneck"] = ["Engine", "Images", "", "Datasets", "Statistics"],
        ["Backpropagation"] = ["Engine", "Images", ""],
        ["Relevance"] = ["Engine", "Images", "", "Statistics", "Backpropagation"],
        ["Methods"] = ["Engine", "", "Statistics", "Bottleneck", "Backpropagation", "Relevance"],
        ["Rendering"] = ["Engine", "Images", ""],
        ["Datasets"] = ["Engine", "Images", "Labels", "", "Rendering"],
        ["Evaluation"] = ["Backpropagation", "Engine", "Images", "", "Datasets", "Rendering", "Statistics", "Bottleneck", "Methods", "Relevance"],
        ["Paths"] = ["Engine", "Images", "", "Statistics", "Bottleneck", "Backpropagation", "Relevance"],
        ["Reports"] = ["Engine", "Images", "", "Rendering", "Bottleneck", "Evaluation"],
        ["Shapes.Exact"] = [],
        ["Shapes.Forms"] = ["Shapes.Exact"],
        ["Shapes.Scenes"] = ["Shapes.Exact", "Shapes.Forms"],
        ["Shapes"] = ["Engine", "Images", "Rendering", "Datasets", "Shapes.Exact", "Shapes.Forms", "Shapes.Scenes"],
        ["Shapes.Training"] = ["Engine", "Images", "Datasets", "Shapes"],
        ["Explaining"] = ["Engine", "Weights", "Images", "Labels", "", "Statistics", "Bottleneck", "Relevance", "Methods", "Rendering", "Reports"],
        ["Library"] = ["Engine", "Images", "Statistics", "Explaining"],
        ["Service"] = ["Engine", "Images", "Labels", "", "Methods", "Reports", "Explaining"],
        ["Cli"] =
        [
            "Engine", "Weights", "Images", "Labels", "", "Statistics", "Bottleneck", "Backpropagation", "Relevance", "Methods", "Rendering", "Datasets",
            "Evaluation", "Paths", "Reports", "Shapes", "Explaining",
        ],
    };

    [Fact]
    public void No_namespace_uses_one_that_builds_on_it()
    {
        var back = new List<string>();
        int arrows = 0;
        foreach ((string file, string from, string text) in Sources())
        {
            foreach (string to in Uses(text).Where(to => to != from))
            {
                arrows++;
                if (!Arrows[from].Contains(to) && !Arrows[from].Contains(to.Split('.')[0]))
                    back.Add($"{file}: {from} -> {to}");
            }
        }
        Assert.Empty(back);
        Assert.True(arrows > 300, $"only {arrows} arrows were seen: the sources are not where they were");
    }

    [Fact]
    public void The_arrows_have_no_circle()
    {
        var done = new HashSet<string>();
        while (Arrows.Keys.FirstOrDefault(
            room => !done.Contains(room) && Arrows[room].SelectMany(Below).All(to => to == room || done.Contains(to))) is { } next)
            done.Add(next);
        Assert.Equal(Arrows.Keys.Order(), done.Order());

        static IEnumerable<string> Below(string name) => name == "Engine" ? Arrows.Keys.Where(room => room.Split('.')[0] == name) : [name];
    }

    [Fact]
    public void A_files_namespace_is_its_folder()
    {
        foreach ((string file, string room, _) in Sources())
        {
            (string folder, string root) = Projects.First(project => file.StartsWith(project.Folder + "/"));
            string below = Path.GetDirectoryName(file[(folder.Length + 1)..])!.Replace(Path.DirectorySeparatorChar, '.');
            Assert.Equal(string.Join('.', new[] { root, below }.Where(part => part != "")).ToLowerInvariant(), room.ToLowerInvariant());
        }
    }

    /// <summary>A type named like its namespace makes every use of it ambiguous.</summary>
    [Fact]
    public void No_public_type_is_named_like_a_namespace()
    {
        Type[] known = [typeof(Tensor), typeof(StateDict), typeof(Photo), typeof(ShapesDataset), typeof(Explainer)];
        Type[] types = [.. known.SelectMany(type => type.Assembly.GetExportedTypes())];
        HashSet<string> parts = [.. types.SelectMany(type => type.Namespace!.Split('.'))];
        Assert.Equal([], types.Where(type => parts.Contains(type.Name)).Select(type => type.FullName));
    }

    /// <summary>The check sees both ways in which a file can name another namespace.</summary>
    [Fact]
    public void A_using_line_and_a_full_name_are_both_uses() =>
        Assert.Equal(["Engine.Ops", "Engine.Autograd"],
            Uses("using Iba.Engine.Ops;\nnamespace Iba.Engine.Tensors;\nIba.Engine.Autograd.Tape tape;").Distinct());

    private static IEnumerable<(string File, string Namespace, string Text)> Sources()
    {
        foreach (string file in Projects.Select(project => project.Folder.Split('/')[0]).Distinct()
            .SelectMany(folder => Directory.EnumerateFiles(Path.Combine(Golden.Root, folder), "*.cs", SearchOption.AllDirectories)).Order())
        {
            string name = Path.GetRelativePath(Golden.Root, file).Replace(Path.DirectorySeparatorChar, '/');
            if (name.Split('/').Any(part => part is "obj" or "bin"))
                continue;
            string text = File.ReadAllText(file);
            Match own = Namespace().Match(text);
            if (own.Success)
                yield return (name, own.Groups[1].Value.TrimStart('.'), text);
        }
    }

    /// <summary>The namespaces that a text names, the longest that fits: Iba.Engine.Backends.Cpu.CpuBackend uses Engine.Backends.Cpu.</summary>
    private static IEnumerable<string> Uses(string text) =>
        from Match name in QualifiedName().Matches(Namespace().Replace(text, ""))
        let room = Arrows.Keys.Where(room => room != "" && (name.Groups[1].Value + ".").StartsWith(room + ".")).MaxBy(room => room.Length)
        where room is not null
        select room;

    [GeneratedRegex(@"^namespace Iba((?:\.[\w.]+)?);", RegexOptions.Multiline)]
    private static partial Regex Namespace();

    [GeneratedRegex(@"\bIba\.([A-Z][\w.]*)")]
    private static partial Regex QualifiedName();
}
