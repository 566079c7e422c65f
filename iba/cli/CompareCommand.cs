using System.CommandLine;
using Iba.Bottleneck;
using Iba.Datasets;
using Iba.Evaluation;
using Iba.Images;
using Iba.Methods;
using Iba.Rendering;

namespace Iba.Cli;

/// <summary>
/// <c>iba compare</c>: attributions side by side, by method (the paper's figure 5), by β and layer (its figures 4 and 10), or by the updates of the mask
/// (its figure 9).
/// </summary>
internal static class CompareCommand
{
    /// <summary>The paper's conv1_3.</summary>
    private const string PaperEvolutionLayer = "layer1.2";

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
            CustomParser = Number.Between(0f, BottleneckSettings.MostBeta).List,
        };
        var layers = new Option<string?>("--layers")
        {
            Description = "Compare the bottleneck's position instead: layers such as layer1,layer2, a row each.",
            HelpName = "NAME,...",
        };
        var evolution = new Option<bool>("--evolution")
        {
            Description = $"Compare the bottleneck's mask while it is fitted instead: after {string.Join(", ", EvolutionStep.PaperUpdates)} updates, without "
                + $"smoothing and with σ = {Comparison.EvolutionSigmas[^1]}. Default layer: {PaperEvolutionLayer}, where the network has it and --images is "
                + "given.",
        };
        var output = new Option<string>("--out")
        {
            Description = "Where to write NAME.png and NAME.svg.",
            DefaultValueFactory = _ => "comparison",
            HelpName = "NAME",
            Validators = { Validators.FileToWrite(".png", ".svg") },
        };
        var report = new Option<string?>("--report")
        {
            Description = "Also write a page that shows the maps with their values, one scale and controls; or an index and pages, where one would be "
                + "too large.",
            HelpName = "FILE",
            Validators = { Validators.FileToWrite() },
        };
        var mapOnly = new Option<bool>("--map-only") { Description = "Draw the maps alone, not over the photo, which has a column of its own." };
        var methodOptions = new MethodOptions();
        var networkOptions = new NetworkOptions();
        var command = new Command("compare", "Draw the maps of several methods side by side, as PNG and SVG.")
        {
            images, methods, betas, layers, evolution, mapOnly, output, report,
        };
        methodOptions.AddTo(command);
        networkOptions.AddTo(command);
        command.SetAction(parsed =>
        {
            float[] weights = parsed.GetValue(betas) is { Length: > 0 } given ? given : [methodOptions.Bottleneck(parsed).Beta];
            bool evolves = parsed.GetValue(evolution), sweep = evolves || parsed.GetResult(betas) is not null || parsed.GetValue(layers) is not null;
            if (sweep && parsed.GetResult(methods) is { Implicit: false })
                throw new UsageException("--methods excludes --betas, --layers and --evolution: those compare the per-sample bottleneck with itself.");
            if (evolves && parsed.GetResult(betas) is not null)
                throw new UsageException("--evolution and --betas exclude each other: give one of them. The weight of --evolution is --beta.");
            string[] names = Words(parsed.GetValue(methods)!);
            methodOptions.Bottleneck(parsed).Check();
            MethodKind[] kinds = sweep ? [AttributionMethods.Find(AttributionMethods.PerSample)]
                : names is ["all"] ? []
                : [.. names.Select(AttributionMethods.Find)];
            methodOptions.Check(parsed, kinds, networkOptions.KnownLabels(parsed), networkOptions.DemoNetwork(parsed) is not null);
            PhotoSet named = NamedPhotos.All(parsed.GetValue(images)!);
            PhotoSet? learntFrom = methodOptions.Photos(parsed);

            using LoadedNetwork loaded = networkOptions.Load(parsed);
            int? target = methodOptions.Target(parsed, loaded);
            using ReadoutSource? masks = methodOptions.Readout(parsed, loaded);
            MethodInputs inputs = methodOptions.Inputs(parsed, loaded, masks);
            PreparedPhoto[] photos = [.. named.Files.Select(file => loaded.Read(file.Path))];
            var run = new ComparisonRun(loaded, photos, target, inputs, methodOptions.Statistics(parsed, loaded, learntFrom));
            string? usual = evolves && learntFrom is not null && loaded.Network.Has(PaperEvolutionLayer) ? PaperEvolutionLayer : null;
            string?[] at = parsed.GetValue(layers) is { } list ? (string?[])Words(list) : [usual];
            ComparisonFigure figure = evolves ? run.OfUpdates(at) : sweep ? run.OfBetas(weights, at) : run.OfMethods(kinds);
            run.Write(figure with { MapOnly = parsed.GetValue(mapOnly) }, parsed.GetValue(output)!);
            if (parsed.GetValue(report) is { } page)
                run.WriteReport(figure, page, isStrip: sweep);
            return (int)run.Outcome;
        });
        return command;
    }

    private static string[] Words(string list)
    {
        string[] words = list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return words.Length > 0 ? words : throw new UsageException("a list is empty: give names or numbers, separated by commas.");
    }
}
