using System.Globalization;
using Engine.Backends;
using Engine.Files;
using Engine.Networks;
using Engine.Optimizers;
using Engine.Tensors;
using Engine.Training;
using Iba.Datasets;
using Iba.Training;
using Weights;

namespace Iba.Cli;

/// <summary>
/// How a demo network is made: torchvision's topology, narrow, from He initialisation without batch norm; Adam with a cosine schedule on
/// small pictures first, where most is learnt at a quarter of the price, then on pictures of the size that it will see.
/// </summary>
internal sealed record DemoRecipe
{
    private const int Small = 112, Large = 224, Batch = 32, LargeEpochs = 6, TestImages = 1000;
    private const ulong TrainingSeed = 1, TestSeed = 2;

    public static DemoRecipe Default { get; } = new();

    public string Network { get; init; } = ResNet50.Name;

    /// <summary>Channels of torchvision's network are divided by this.</summary>
    public int Divisor { get; init; } = 8;

    /// <summary>Small pictures to learn from.</summary>
    public int Images { get; init; } = 8_000;

    /// <summary>Times each is seen.</summary>
    public double Epochs { get; init; } = 20;

    /// <summary>Adam's largest step size.</summary>
    public double Rate { get; init; } = 1e-3;

    /// <summary>Large pictures to learn from, at a third of the rate: a network that knows small ones has little to learn.</summary>
    private int LargeImages => Images / 5;

    public void Train(IBackend backend, string path)
    {
        var width = new NetworkWidth(Divisor, Hidden: 64, ShapesDataset.Classes.Count);
        Network network = NetworkBuilder.Build(Network, backend, new FreshParameters(backend, width, seed: 0));
        using var optimizer = new Adam(backend, new AdamSettings(Rate), [.. network.Parameters.Select(parameter => parameter.Data)]);
        using ShapesImages small = Render(TrainingSeed, Small, Images), large = Render(TrainingSeed, Large, LargeImages);
        ShapesBatches coarse = new(small, Small, Batch, seed: 1), fine = new(large, Large, Batch, seed: 2);
        Stage[] stages = [Stage(coarse, Epochs, Rate), Stage(fine, LargeEpochs, Rate / 3)];
        string checkpoint = $"{path}.checkpoint";
        var run = new TrainingRun(network, optimizer, checkpoint, ToString());
        Terminal.Progress($"training {Network}", stages.Sum(stage => stage.Rate.Steps), bar =>
        {
            run.Run(stages, new Relay(bar), Interrupt.Token);
            return 0;
        });

        double accuracy = Accuracy(network);
        ParameterWriter.Write(network, path, ElementType.F16, new Dictionary<string, string>
        {
            ["about"] = $"{Network}, channels divided by {Divisor}, trained on the shapes data set by: iba demo train --network {Network}",
            ["classes"] = string.Join(", ", ShapesDataset.Classes),
            ["accuracy"] = accuracy.ToString("0.0000", CultureInfo.InvariantCulture),
        });
        File.Delete(checkpoint);
        Terminal.Say($"{path}: {accuracy:P1} of {TestImages} new images are classified rightly.");
    }

    private static Stage Stage(ShapesBatches batches, double epochs, double rate)
    {
        long steps = Math.Max((long)(epochs * batches.StepsPerEpoch), 1);
        return new Stage(batches, new CosineSchedule(rate, Math.Min(steps / 10, 500), steps));
    }

    /// <summary>Pictures as preprocessing has them before it crops. The small ones are drawn small: a scene is the same at every size.</summary>
    private static ShapesImages Render(ulong seed, int size, int count)
    {
        int side = size * 8 / 7;
        var dataset = new ShapesDataset(seed, size == Large ? Large : side);
        return Terminal.Progress($"rendering at {size}", count, bar => ShapesImages.Open(Folders.Images, dataset, side, count, bar, Interrupt.Token));
    }

    /// <summary>The share of new pictures, cropped at the centre, that the network knows.</summary>
    private static double Accuracy(Network network)
    {
        const int together = 20;
        using ShapesImages images = Render(TestSeed, Large, TestImages);
        using var inference = new Inference(network, new Shape(together, Large, Large, 3));
        var test = new ShapesCrops(images, Large);
        var input = new float[inference.Input.Shape.Count];
        int correct = 0;
        for (int first = 0; first < TestImages; first += together)
        {
            Interrupt.Token.ThrowIfCancellationRequested();
            for (int n = 0; n < together; n++)
                test.Read(first + n, input.AsSpan(n * input.Length / together, input.Length / together));
            float[] logits = inference.Run(input);
            int classes = logits.Length / together;
            for (int n = 0; n < together; n++)
            {
                float[] row = logits[(n * classes)..((n + 1) * classes)];
                correct += Array.IndexOf(row, row.Max()) == ShapesDataset.Label(first + n) ? 1 : 0;
            }
        }
        return (double)correct / TestImages;
    }

    private sealed class Relay(IProgress<double> bar) : IProgress<TrainingProgress>
    {
        private static readonly TimeSpan LineEvery = TimeSpan.FromSeconds(20);

        private readonly System.Diagnostics.Stopwatch _clock = System.Diagnostics.Stopwatch.StartNew();

        public void Report(TrainingProgress at)
        {
            bar.Report(at.Step);
            if (_clock.Elapsed < LineEvery && at.Step < at.Steps)
                return;
            _clock.Restart();
            Terminal.Say(string.Create(CultureInfo.InvariantCulture,
                $"step {at.Step} of {at.Steps}: loss {at.Loss:0.000}, accuracy {at.Accuracy:P1}, {at.ImagesPerSecond:0} images/s, {at.Left:h\\:mm\\:ss} left"));
        }
    }
}
