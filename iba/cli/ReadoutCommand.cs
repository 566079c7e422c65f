using System.CommandLine;
using Iba.Bottleneck;
using Iba.Datasets;
using Iba.Engine.Backends;
using Iba.Engine.Files;
using Iba.Statistics;

namespace Iba.Cli;

/// <summary><c>iba readout train</c>: trains a network that predicts the mask of an image in one forward pass.</summary>
internal static class ReadoutCommand
{
    private const double DefaultEpochs = 10;

    public static Command Create() => new("readout", "The readout bottleneck, which predicts masks in one forward pass.") { Train() };

    private static Command Train()
    {
        var defaults = new ReadoutSettings();
        Option<string[]> images = CommonOptions.Images(
            " Where its sub-folders are the network's classes, by name, WordNet id, number or order, they are the labels; otherwise the predicted class is.");
        Option<string> output = CommonOptions.Output(
            "The readout file to write. It is updated during training, and the same command resumes from it.", Validators.FileToResume());
        var epochs = new Option<double>("--epochs")
        {
            Description = "Epochs, including those of earlier runs.",
            DefaultValueFactory = _ => DefaultEpochs,
            CustomParser = (Number.Above(0.0) with { Most = 1e6 }).Parse,
        };
        var batch = new Option<int>("--batch")
        {
            Description = "Images per step.",
            DefaultValueFactory = _ => defaults.Batch,
            CustomParser = Number.Between(1, ReadoutSettings.MostBatch).Parse,
        };
        var rate = new Option<double>("--learning-rate")
        {
            Description = "Adam's learning rate.",
            DefaultValueFactory = _ => defaults.LearningRate,
            CustomParser = (Number.Above(0.0) with { Most = Setting.MostLearningRate }).Parse,
        };
        Option<float> beta = CommonOptions.Beta();
        Option<double> sigma = CommonOptions.Sigma();
        var width = new Option<ReadoutWidth>("--width")
        {
            Description = "Output channels of the second convolution: A for a quarter of the layer's channels, B for twice as many.",
            DefaultValueFactory = _ => defaults.Width,
        };
        var clamp = new Option<bool>("--clamp") { Description = "Clamp the restricted features to at least 0, as the reference package does." };
        Option<ulong> seed = CommonOptions.Seed("Seed of initial parameters, order and noise. The same seed gives the same readout.");
        Option<int> samples = CommonOptions.Samples(
            FeatureStatistics.UsualSamples, "Upper bound of the images to estimate feature statistics from.");
        width.AcceptOnlyFromAmong(Enum.GetNames<ReadoutWidth>());
        var networkOptions = new NetworkOptions();
        var command = new Command("train", "Train a readout for a network. After an interruption, the same command resumes.")
        {
            images, output, epochs, batch, rate, beta, sigma, width, clamp, seed, samples,
        };
        networkOptions.AddTo(command);
        command.SetAction(parsed =>
        {
            var settings = new ReadoutSettings
            {
                Width = parsed.GetValue(width),
                Beta = parsed.GetValue(beta),
                LearningRate = parsed.GetValue(rate),
                Batch = parsed.GetValue(batch),
                Sigma = parsed.GetValue(sigma),
                Clamp = parsed.GetValue(clamp),
                Seed = parsed.GetValue(seed),
            };
            settings.Check();

            PhotoSet photos = NamedPhotos.Images(parsed.GetValue(images)!);
            using LoadedNetwork loaded = networkOptions.Load(parsed);
            Run(loaded, photos, settings, parsed.GetValue(epochs), parsed.GetValue(samples), parsed.GetValue(output)!);
            return (int)ExitCode.Done;
        });
        return command;
    }

    private static void Run(LoadedNetwork loaded, PhotoSet photos, ReadoutSettings settings, double epochs, int samples, string path)
    {
        var examples = new FolderExamples(loaded, photos, settings.Seed, Interrupt.Token) { LeftOut = NamedPhotos.WarnLeftOut };
        NamedPhotos.WarnUnused(examples.Labels);
        using SafetensorsFile? earlier = File.Exists(path) ? SafetensorsFile.Open(path, Interrupt.Token) : null;
        using ReadoutNetwork readout = earlier is null ? Fresh(loaded, photos, settings, samples) : ReadoutFile.Read(earlier, loaded.Network.Backend);
        if (readout.Settings != settings)
        {
            throw new UsageException($"{path} was trained with other settings ({readout.Settings.DifferencesFrom(settings)}). "
                + "Give its settings, or another --out to start over.");
        }
        using var training = new ReadoutTraining(loaded.Network, readout, loaded.Image, examples, loaded.WeightsSha256);
        if (earlier is null)
            // Written before training, so that the statistics need not be estimated again after an interruption.
            training.Save(path);
        else
            training.Resume(earlier);
        // Its bytes take memory, and the next save replaces the file.
        earlier?.Dispose();

        long steps = (long)Math.Ceiling(epochs * photos.Files.Count / settings.Batch);
        string start = readout.Steps > 0 ? $"resuming at step {readout.Steps}" : "starting";
        Terminal.Say($"{path}: {photos.Files.Count} images, {examples.Labels.Source}; {start}, {steps} steps in all.");
        Terminal.Progress("training the readout", steps, bar => training.Run(path, steps, new TrainingRelay<ReadoutProgress>(
            bar, at => (at.Step, at.Steps),
            at => $"loss {at.Loss.Total:0.0000} = cross-entropy {at.Loss.Model:0.0000} + {at.Loss.Beta} x information {at.Loss.Information:0.0000} nats"),
            Interrupt.Token));
        Terminal.Say($"{path}: {readout.Steps} steps done.");
    }

    private static ReadoutNetwork Fresh(LoadedNetwork loaded, PhotoSet photos, ReadoutSettings settings, int samples)
    {
        StatisticsSet statistics = StatisticsSource.Estimate(loaded, photos, loaded.Network.Architecture!.ReadoutLayers, samples);
        StatisticsSource.WarnIfScarce(statistics.First);
        return new ReadoutNetwork(loaded.Network.Backend, statistics, settings);
    }
}
