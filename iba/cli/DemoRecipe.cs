using System.Globalization;
using Iba.Datasets;
using Iba.Engine.Backends;
using Iba.Engine.Files;
using Iba.Engine.Networks;
using Iba.Engine.Optimizers;
using Iba.Engine.Tensors;
using Iba.Engine.Training;
using Iba.Training;
using Iba.Weights;

namespace Iba.Cli;

/// <summary>
/// How a demo network is made: torchvision's topology, narrow, from He initialisation without batch norm, by Adam. First close-ups of
/// objects, which teach the forms from few pixels; then whole scenes, drawn small, which teach to find them at a quarter of the price;
/// at last scenes of the size that the network will see.
/// </summary>
internal sealed record DemoRecipe
{
    /// <summary>Images to a step.</summary>
    public const int Batch = 32;

    /// <summary>New images that the accuracy of the embedded networks was stated on.</summary>
    public const int DefaultTestImages = 1000;

    private const int Near = 64, Small = 112, Large = 224;
    private const ulong TrainingSeed = 1, TestSeed = 2;

    /// <summary>Of the learning rate at the small sizes, what the full size gets: less is left to learn.</summary>
    private const double LargeRate = 0.5;

    public required string Network { get; init; }

    /// <summary>Channels of torchvision's network are divided by this.</summary>
    public required int Divisor { get; init; }

    /// <summary>Scenes to learn from.</summary>
    public int Images { get; init; } = 8_000;

    /// <summary>Times each is seen near, and again small.</summary>
    public double Epochs { get; init; } = 10;

    /// <summary>Times each is seen at the full size, which costs four times as much.</summary>
    public required double LargeEpochs { get; init; }

    /// <summary>Adam's largest step size.</summary>
    public required double Rate { get; init; }

    /// <summary>New images to state the accuracy on.</summary>
    public int TestImages { get; init; } = DefaultTestImages;

    /// <summary>Time between checkpoints.</summary>
    public TimeSpan CheckpointEvery { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>
    /// The recipes of the embedded files. VGG-16 spends more on a pixel and is made narrower; without branches that start at 0 it also
    /// wants smaller steps.
    /// </summary>
    public static IReadOnlyList<DemoRecipe> All { get; } =
    [
        new() { Network = ResNet.ResNet50.Name, Divisor = 4, LargeEpochs = 2, Rate = 7e-4 },
        new() { Network = Vgg.Vgg16.Name, Divisor = 8, LargeEpochs = 8, Rate = 5e-4 },
    ];

    /// <summary>Trains, or goes on training, and writes the file.</summary>
    /// <exception cref="OperationCanceledException">It was stopped; the checkpoint beside the file is where it goes on.</exception>
    public void Train(ComputeDevice device, string path, CancellationToken cancellation)
    {
        IBackend backend = device.Backend;
        var width = new NetworkWidth(Divisor, Hidden: 64, ShapesDataset.Classes.Count);
        Network network = Architecture.Named(Network).Build(backend, new FreshParameters(backend, width, seed: 0));
        using var optimizer = new Adam(backend, new AdamSettings(Rate), [.. network.Parameters.Select(parameter => parameter.Data)]);
        using ShapesImages near = Render(TrainingSeed, ShapesView.CloseUp, Near, Images, cancellation);
        using ShapesImages small = Render(TrainingSeed, ShapesView.Scene, Small, Images, cancellation);
        using ShapesImages large = Render(TrainingSeed, ShapesView.Scene, Large, Images, cancellation);
        Stage[] stages = [Stage(near, Near, 1, Epochs, Rate), Stage(small, Small, 2, Epochs, Rate), Stage(large, Large, 3, LargeEpochs, Rate * LargeRate)];
        string checkpoint = $"{path}.checkpoint";
        var run = new TrainingRun(network, optimizer, checkpoint, $"{Network}, channels divided by {Divisor}") { CheckpointEvery = CheckpointEvery };
        Terminal.Progress($"training {Network}", stages.Sum(stage => stage.Rate.Steps), bar => run.Run(stages, new TrainingRelay<TrainingProgress>(
            bar, at => (at.Step, at.Steps),
            at => $"loss {at.Loss:0.000}, accuracy {at.Accuracy:P1}, {at.ImagesPerSecond:0} images/s, {at.Left:h\\:mm\\:ss} left"), cancellation));

        double accuracy = Accuracy(network, cancellation);
        ParameterWriter.Write(network, path, ElementType.F16, new Dictionary<string, string>
        {
            ["about"] = $"{Network}, channels divided by {Divisor}, trained on the shapes data set by: iba demo train --network {Network}",
            ["classes"] = string.Join(", ", ShapesDataset.Classes),
            ["device"] = device.Device,
            ["precision"] = device.Precision,
            ["accuracy"] = accuracy.ToString("0.0000", CultureInfo.InvariantCulture),
        });
        File.Delete(checkpoint);
        Terminal.Say($"{path}: {accuracy:P1} of {TestImages} new images are classified rightly.");
    }

    private static Stage Stage(ShapesImages images, int size, int seed, double epochs, double rate)
    {
        var batches = new ShapesBatches(images, size, Batch, seed);
        long steps = Math.Max((long)(epochs * batches.StepsPerEpoch), 1);
        return new Stage(batches, new CosineSchedule(rate, Math.Min(steps / 10, 500), steps));
    }

    /// <summary>
    /// Pictures as preprocessing has them before it crops, for an input of <paramref name="size"/>. All but the large ones are drawn small: a
    /// scene is the same at every size.
    /// </summary>
    private static ShapesImages Render(ulong seed, ShapesView view, int size, int count, CancellationToken cancellation)
    {
        int side = size * 8 / 7;
        var dataset = new ShapesDataset(seed, size == Large ? Large : Small * 8 / 7);
        return Terminal.Progress(
            $"rendering at {size}", count, bar => ShapesImages.Open(Folders.Images, dataset, view, side, count, bar, Terminal.Warn, cancellation));
    }

    /// <summary>The share of new pictures, cropped at the centre, that the network knows.</summary>
    private double Accuracy(Network network, CancellationToken cancellation)
    {
        using ShapesImages images = Render(TestSeed, ShapesView.Scene, Large, TestImages, cancellation);
        using var inference = new Inference(network, new Shape(1, Large, Large, 3));
        var test = new ShapesCrops(images, Large);
        var input = new float[inference.Input.Shape.Count];
        int correct = 0;
        for (int i = 0; i < TestImages; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            test.Read(i, input);
            correct += Classes.Largest(inference.Run(input)) == ShapesDataset.Label(i) ? 1 : 0;
        }
        return (double)correct / TestImages;
    }
}
