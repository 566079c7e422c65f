using System.CommandLine;
using Iba.Datasets;
using Iba.Statistics;

namespace Iba.Cli;

/// <summary><c>iba estimate</c>: the distribution of a layer's features over a folder of images.</summary>
internal static class EstimateCommand
{
    public static Command Create()
    {
        Option<string[]> images = CommonOptions.Images();
        Option<string> output = CommonOptions.Output("The statistics file to write.");
        var layer = new Option<string?>("--layer")
        {
            Description = "The bottleneck's layer. Default: layer2 for ResNets, the first convolution of the fourth group for VGGs.",
            HelpName = "NAME",
        };
        Option<int> samples = CommonOptions.Samples(FeatureStatistics.UsualSamples);
        var networkOptions = new NetworkOptions();
        var command = new Command("estimate", "Estimate the distribution of a layer's features from a folder of images.") { images, output, layer, samples };
        networkOptions.AddTo(command);
        command.SetAction(parsed =>
        {
            PhotoSet photos = NamedPhotos.Images(parsed.GetValue(images)!);
            using LoadedNetwork loaded = networkOptions.Load(parsed);
            FeatureStatistics statistics = StatisticsSource.Estimate(
                loaded, photos, [parsed.GetValue(layer) ?? loaded.DefaultLayer], parsed.GetValue(samples)).First;
            string path = parsed.GetValue(output)!;
            statistics.Save(path, Interrupt.Token);
            Terminal.Say($"{path}: {statistics.Origin.Layer} of {statistics.Origin.Network} over {statistics.Samples} images.");
            return (int)ExitCode.Done;
        });
        return command;
    }
}
