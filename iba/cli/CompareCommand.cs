using System.CommandLine;
using Iba.Attribution;
using Iba.Bottleneck;
using Iba.Images;

namespace Iba.Cli;

/// <summary>
/// <c>iba compare</c>: attributions side by side, by method (the paper's figure 5) or by β and layer (its figures 4 and 10).
/// </summary>
internal static class CompareCommand
{
    public static Command Create()
    {
        var images = new Argument<string[]>("IMAGE") { Description = "Photos, a row each.", Arity = ArgumentArity.OneOrMore };
        var methods = new Option<string>("--methods")
        {
            Description = $"all, or some of: {string.Join(", ", Methods.All.Select(kind => kind.Name))}.",
            DefaultValueFactory = _ => "all",
            HelpName = "NAME,...",
        };
        var betas = new Option<string?>("--betas")
        {
            Description = "Compare the bottleneck's trade-off instead: weights β such as 0.1,1,10,100, a column each.",
            HelpName = "NUMBER,...",
        };
        var layers = new Option<string?>("--layers")
        {
            Description = "Compare the bottleneck's position instead: layers such as layer1,layer2, a row each.",
            HelpName = "NAME,...",
        };
        var statistics = new Option<string?>("--statistics")
        {
            Description = "Feature statistics made by iba estimate, for the bottleneck.",
            HelpName = "FILE",
        };
        var folder = new Option<string?>("--images")
        {
            Description = "A folder of photos to estimate the statistics from, once; they are kept.",
            HelpName = "DIR",
        };
        var samples = new Option<int>("--samples")
        {
            Description = "Images of --images to use at most.",
            DefaultValueFactory = _ => EstimateCommand.DefaultSamples,
        };
        var patterns = new Option<string?>("--patterns")
        {
            Description = "Signal patterns made by iba patterns fit, for PatternAttribution.",
            HelpName = "FILE",
        };
        var readout = new Option<string?>("--readout")
        {
            Description = "A readout made by iba readout train, for the readout bottleneck.",
            HelpName = "FILE",
        };
        var target = new Option<string?>("--target")
        {
            Description = "The class to explain, by number or name. Default: the class that the network predicts.",
            HelpName = "CLASS",
        };
        var beta = new Option<float>("--beta")
        {
            Description = "The bottleneck's β among the methods.",
            DefaultValueFactory = _ => new BottleneckSettings().Beta,
        };
        var seed = new Option<ulong>("--seed") { Description = "The key of all noise." };
        var memory = new Option<int>("--memory")
        {
            Description = "MiB that the activations of a chunk of work may take.",
            DefaultValueFactory = _ => 1024,
        };
        var output = new Option<string>("--out")
        {
            Description = "Where to write NAME.png and NAME.svg.",
            DefaultValueFactory = _ => "comparison",
            HelpName = "NAME",
        };
        var networkOptions = new NetworkOptions();
        var command = new Command("compare", "Draw the maps of several methods side by side, as PNG and SVG.")
        {
            images, methods, betas, layers, statistics, folder, samples, patterns, readout, target, beta, seed, memory, output,
        };
        networkOptions.AddTo(command);
        command.SetAction(parsed =>
        {
            if (parsed.GetValue(memory) < 1)
                throw new UsageException($"--memory {parsed.GetValue(memory)}: it must be at least 1 MiB.");
            bool sweep = parsed.GetValue(betas) is not null || parsed.GetValue(layers) is not null;
            if (sweep && parsed.GetResult(methods) is { Implicit: false })
                throw new UsageException("--methods excludes --betas and --layers: those compare the per-sample bottleneck with itself.");
            float[] weights = Numbers("--betas", parsed.GetValue(betas) ?? $"{parsed.GetValue(beta)}");
            string[] names = Words(parsed.GetValue(methods)!);
            if (names is not ["all"])
                Array.ForEach(names, name => Methods.Find(name));

            using LoadedNetwork loaded = networkOptions.Load(parsed);
            string? targetText = parsed.GetValue(target), readoutFile = parsed.GetValue(readout);
            int? targetClass = targetText is null ? null : loaded.Class(targetText);
            using ReadoutSource? masks = ReadoutSource.Load(loaded, readoutFile);
            var inputs = new MethodInputs(loaded.Network, loaded.Image)
            {
                Bottleneck = new BottleneckSettings { Beta = parsed.GetValue(beta) },
                Readout = masks is null ? null : () => masks.Method(),
                Patterns = parsed.GetValue(patterns) is { } file ? Patterns.Load(file) : null,
                WeightsSha256 = loaded.WeightsSha256,
                // A target that was asked for is meant for every method, also for those that the paper's code shows the prediction of.
                Class = targetClass is null ? null : ExplainedClass.Target,
                Seed = parsed.GetValue(seed),
                MemoryBudget = (long)parsed.GetValue(memory) << 20,
            };
            inputs.Bottleneck.Check();
            inputs.Patterns?.MustFit(loaded.Network, loaded.WeightsSha256);
            Subject[] subjects = [.. parsed.GetValue(images)!.Select(path => Read(loaded, path))];
            Sample[] photos = [.. subjects.Select(subject => new Sample(subject.Input.Values, targetClass))];

            var source = new ComparisonStatistics(loaded, parsed.GetValue(statistics), parsed.GetValue(folder), parsed.GetValue(samples));
            var comparison = new Comparison(loaded, subjects, photos, inputs, source);
            var figure = sweep
                ? comparison.Sweep(weights, parsed.GetValue(layers) is { } list ? Words(list) : null)
                : comparison.OfMethods(names);
            comparison.Write(figure, parsed.GetValue(output)!);
            return (int)ExitCode.Done;
        });
        return command;
    }

    private static Subject Read(LoadedNetwork loaded, string path)
    {
        Photo photo = PhotoFile.Read(path, loaded.Rotate);
        return new Subject(path, photo, loaded.Preprocessing.Apply(photo));
    }

    private static string[] Words(string list)
    {
        string[] words = list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return words.Length > 0 ? words : throw new UsageException("a list is empty: give names or numbers, separated by commas.");
    }

    private static float[] Numbers(string option, string list) => [.. Words(list).Select(word =>
        float.TryParse(word, out float number) && float.IsFinite(number) && number >= 0
            ? number
            : throw new UsageException($"{option} {list}: '{word}' is no number of at least 0."))];
}
