using System.CommandLine;
using Iba.Datasets;
using Iba.Relevance;

namespace Iba.Cli;

/// <summary><c>iba patterns fit</c>: estimates the signal patterns that PatternAttribution needs.</summary>
internal static class PatternsCommand
{
    private const int DefaultSamples = 1000;

    public static Command Create() => new("patterns", "Signal patterns for PatternAttribution.") { Fit() };

    private static Command Fit()
    {
        Option<string[]> images = CommonOptions.Images();
        Option<string> output = CommonOptions.Output("The patterns file to write.");
        Option<int> samples = CommonOptions.Samples(DefaultSamples);
        var linear = new Option<bool>("--linear")
        {
            Description = "Use the linear estimator for every layer. Default: the two-component estimator where a ReLU follows.",
        };
        var networkOptions = new NetworkOptions();
        var command = new Command("fit", "Estimate the signal patterns of every layer from a folder of images.")
        {
            images, output, samples, linear,
        };
        networkOptions.AddTo(command);
        command.SetAction(parsed =>
        {
            PhotoSet photos = NamedPhotos.Images(parsed.GetValue(images)!);
            using LoadedNetwork loaded = networkOptions.Load(parsed);
            int total = Math.Min(parsed.GetValue(samples), photos.Files.Count);
            Patterns patterns = Terminal.Progress("fitting patterns", total, bar => PatternFit.Run(
                loaded.Network, loaded.Image, photos.Inputs(loaded, total, NamedPhotos.WarnLeftOut, Interrupt.Token),
                parsed.GetValue(linear) ? SignalEstimator.Linear : SignalEstimator.TwoComponent,
                weightsSha256: loaded.WeightsSha256, preprocessing: loaded.Preprocessing, progress: new ProgressRelay<long>(images => bar.Report(images)),
                halved: StatisticsSource.Halved, cancellation: Interrupt.Token));
            string path = parsed.GetValue(output)!;
            patterns.Save(path, loaded.Network, Interrupt.Token);
            Terminal.Say($"{path}: patterns of {loaded.Network.Name} from {patterns.Origin.Images} images.");
            return (int)ExitCode.Done;
        });
        return command;
    }
}
