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
/// How a demo network is made: torchvision's topology, narrow, from He initialisation without batch norm, by Adam. First close-ups of
/// objects, which teach the forms from few pixels; then whole scenes, drawn small, which teach to find them at a quarter of the price;
/// at last scenes of the size that the network will see.
/// </summary>
internal sealed record DemoRecipe
{
    private const int Near = 64, Small = 112, Large = 224, Batch = 32, TestImages = 1000;
    private const ulong TrainingSeed = 1, TestSeed = 2;

    public string Network { get; init; } = ResNet50.Name;

    /// <summary>Channels of torchvision's network are divided by this.</summary>
    public int Divisor { get; init; } = 8;

    /// <summary>Close-ups and small scenes to learn from; of large ones a fifth.</summary>
    public int Images { get; init; } = 8_000;

    /// <summary>Times each is seen.</summary>
    public double Epochs { get; init; } = 10;

    /// <summary>Adam's largest step size; a third of it at the full size, where little is left to learn.</summary>
    public double Rate { get; init; } = 1e-3;

    public void Train(IBackend backend, string path)
    {
        var width = new NetworkWidth(Divisor, Hidden: 64, ShapesDataset.Classes.Count);
        Network network = NetworkBuilder.Build(Network, backend, new FreshParameters(backend, width, seed: 0));
        using var optimizer = new Adam(backend, new AdamSettings(Rate), [.. network.Parameters.Select(parameter => parameter.Data)]);
        using ShapesImages near = Render(TrainingSeed, ShapesView.CloseUp, Near, Images);
        using ShapesImages small = Render(TrainingSeed, ShapesView.Scene, Small, Images);
        using ShapesImages large = Render(TrainingSeed, ShapesView.Scene, Large, Images / 5);
        Stage[] stages = [Stage(near, Near, 1, Rate), Stage(small, Small, 2, Rate), Stage(large, Large, 3, Rate / 3)];
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

    private Stage Stage(ShapesImages images, int size, int seed, double rate)
    {
        var batches = new ShapesBatches(images, size, Batch, seed);
        long steps = Math.Max((long)(Epochs * batches.StepsPerEpoch), 1);
        return new Stage(batches, new CosineSchedule(rate, Math.Min(steps / 10, 500), steps));
    }

    /// <summary>
    /// Pictures as preprocessing has them before it crops, for an input of <paramref name="size"/>. All but the large ones are drawn small: a
    /// scene is the same at every size.
    /// </summary>
    private static ShapesImages Render(ulong seed, ShapesView view, int size, int count)
    {
        int side = size * 8 / 7;
        var dataset = new ShapesDataset(seed, size == Large ? Large : Small * 8 / 7);
        return Terminal.Progress(
            $"rendering at {size}", count, bar => ShapesImages.Open(Folders.Images, dataset, view, side, count, bar, Interrupt.Token));
    }

    /// <summary>The share of new pictures, cropped at the centre, that the network knows.</summary>
    private static double Accuracy(Network network)
    {
        const int together = 20;
        using ShapesImages images = Render(TestSeed, ShapesView.Scene, Large, TestImages);
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
