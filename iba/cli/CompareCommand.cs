using System.CommandLine;
using Iba.Datasets;
using Iba.Methods;

namespace Iba.Cli;

/// <summary>
/// <c>iba compare</c>: attributions side by side, by method (the paper's figure 5) or by β and layer (its figures 4 and 10).
/// </summary>
internal static class CompareCommand
{
    public static Command Create()
    {
        var images = Validators.Photos(NamedPhotos.Words + " A row each.", ArgumentArity.OneOrMore);
        var methods = new Option<string>("--methods")
        {
            Description = $"all, or some of: {string.Join(", ", AttributionMethods.All.Select(kind => kind.Name))}.",
            DefaultValueFactory = _ => "all",
            HelpName = "NAME,...",
        };
        var betas = new Option<float[]?>("--betas")
        {
            Description = "Compare the bottleneck's trade-off instead: weights β such as 0.1,1,10,100 of the mean information per neuron, a column each.",
            HelpName = "NUMBER,...",
            Arity = ArgumentArity.ExactlyOne,
            CustomParser = Number.AtLeast(0f).List,
        };
        var layers = new Option<string?>("--layers")
        {
            Description = "Compare the bottleneck's position instead: layers such as layer1,layer2, a row each.",
            HelpName = "NAME,...",
        };
        var output = new Option<string>("--out")
        {
            Description = "Where to write NAME.png and NAME.svg.",
            DefaultValueFactory = _ => "comparison",
            HelpName = "NAME",
            Validators = { Validators.FileToWrite(".png", ".svg") },
        };
        var mapOnly = new Option<bool>("--map-only") { Description = "Draw the maps alone, not over the photo, which has a column of its own." };
        var methodOptions = new MethodOptions();
        var networkOptions = new NetworkOptions();
        var command = new Command("compare", "Draw the maps of several methods side by side, as PNG and SVG.")
        {
            images, methods, betas, layers, mapOnly, output,
        };
        methodOptions.AddTo(command);
        networkOptions.AddTo(command);
        command.SetAction(parsed =>
        {
            float[] weights = parsed.GetValue(betas) is { Length: > 0 } given ? given : [methodOptions.Bottleneck(parsed).Beta];
            bool sweep = parsed.GetResult(betas) is not null || parsed.GetValue(layers) is not null;
            if (sweep && parsed.GetResult(methods) is { Implicit: false })
                throw new UsageException("--methods excludes --betas and --layers: those compare the per-sample bottleneck with itself.");
            string[] names = Words(parsed.GetValue(methods)!);
            methodOptions.Bottleneck(parsed).Check();
            MethodKind[] kinds = sweep ? [AttributionMethods.Find(AttributionMethods.PerSample)] : names is ["all"] ? [] : [.. names.Select(AttributionMethods.Find)];
            methodOptions.Check(parsed, kinds, networkOptions.KnownLabels(parsed), networkOptions.DemoNetwork(parsed) is not null);
            PhotoSet named = NamedPhotos.All(parsed.GetValue(images)!);
            PhotoSet? learntFrom = methodOptions.Photos(parsed);

            using LoadedNetwork loaded = networkOptions.Load(parsed);
            int? target = methodOptions.Target(parsed, loaded);
            using ReadoutSource? masks = methodOptions.Readout(parsed, loaded);
            MethodInputs inputs = methodOptions.Inputs(parsed, loaded, masks);
            Subject[] subjects = [.. named.Files.Select(file => loaded.Read(file.Path))];
            Sample[] photos = [.. subjects.Select(subject => loaded.Sample(subject.Input, target))];

            var comparison = new Comparison(loaded, subjects, photos, inputs, methodOptions.Statistics(parsed, loaded, learntFrom));
            var figure = sweep
                ? comparison.Sweep(weights, parsed.GetValue(layers) is { } list ? Words(list) : null)
                : comparison.OfMethods(names);
            comparison.Write(figure with { MapOnly = parsed.GetValue(mapOnly) }, parsed.GetValue(output)!);
            return (int)comparison.Outcome;
        });
        return command;
    }

    private static string[] Words(string list)
    {
        string[] words = list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return words.Length > 0 ? words : throw new UsageException("a list is empty: give names or numbers, separated by commas.");
    }
}
