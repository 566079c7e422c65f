using Iba.Engine.Backends;
using Iba.Engine.Networks;
using Iba.Engine.Optimizers;
using Iba.Engine.Tensors;
using Iba.Engine.Training;

namespace Iba.Shapes.Training;

/// <summary>
/// How a demo network is trained: torchvision's topology with fewer channels and without batch norm, He initialisation, Adam. Training has three
/// stages: close-ups of objects, to learn the forms from few pixels; whole scenes at half the size, to learn to find objects at a quarter of the
/// cost; scenes of the final size.
/// </summary>
public sealed record DemoRecipe
{
    /// <summary>Images per step.</summary>
    public const int Batch = 32;

    /// <summary>New images that the accuracy of the embedded networks was measured on.</summary>
    public const int DefaultTestImages = 1000;

    internal const int NearSize = 64, SmallSize = 112, LargeSize = 224;
    private const ulong TrainingSeed = 1, TestSeed = 2;

    /// <summary>The learning rate at the full size, relative to the smaller sizes: the last stage is fine-tuning.</summary>
    private const double LargeRate = 0.5;

    /// <summary>The name of torchvision's network.</summary>
    public required string Network { get; init; }

    /// <summary>Channels of torchvision's network are divided by this.</summary>
    public required int Divisor { get; init; }

    /// <summary>Scenes to train on.</summary>
    public int Images { get; init; } = 8_000;

    /// <summary>Epochs of the close-ups, and again of the scenes at half the size.</summary>
    public double Epochs { get; init; } = 10;

    /// <summary>Epochs at the full size, which cost four times as much.</summary>
    public required double LargeEpochs { get; init; }

    /// <summary>Adam's largest step size.</summary>
    public required double Rate { get; init; }

    /// <summary>New images to measure the accuracy on.</summary>
    public int TestImages { get; init; } = DefaultTestImages;

    /// <summary>Time between checkpoints.</summary>
    public TimeSpan CheckpointEvery { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>
    /// The recipes of the embedded networks. VGG-16 needs more time per pixel, so it is narrower. It has no residual branches that start at 0, so it
    /// needs a smaller learning rate.
    /// </summary>
    public static IReadOnlyList<DemoRecipe> All { get; } =
    [
        new() { Network = ResNet.ResNet50.Name, Divisor = 4, LargeEpochs = 2, Rate = 7e-4 },
        new() { Network = Vgg.Vgg16.Name, Divisor = 8, LargeEpochs = 8, Rate = 5e-4 },
    ];

    /// <summary>What the network is, in words.</summary>
    public string Description => $"{Network}, channels divided by {Divisor}";

    /// <summary>The pictures of the first stage.</summary>
    public DemoPictures Near => new(TrainingSeed, ShapesView.CloseUp, NearSize, Images);

    /// <summary>The pictures of the second stage.</summary>
    public DemoPictures Small => new(TrainingSeed, ShapesView.Scene, SmallSize, Images);

    /// <summary>The pictures of the third stage.</summary>
    public DemoPictures Large => new(TrainingSeed, ShapesView.Scene, LargeSize, Images);

    /// <summary>The pictures that the accuracy is measured on.</summary>
    public DemoPictures Test => new(TestSeed, ShapesView.Scene, LargeSize, TestImages);

    /// <summary>The network before training.</summary>
    public Network Build(IBackend backend) => Architecture.Named(Network).Build(
        backend, new FreshParameters(backend, new NetworkWidth(Divisor, Hidden: 64, ShapesDataset.Classes.Count), seed: 0));

    /// <summary>The three stages of training.</summary>
    public IReadOnlyList<Stage> Stages(ShapesImages near, ShapesImages small, ShapesImages large) =>
    [
        Stage(near, NearSize, 1, Epochs, Rate), Stage(small, SmallSize, 2, Epochs, Rate), Stage(large, LargeSize, 3, LargeEpochs, Rate * LargeRate),
    ];

    /// <summary>Trains, or resumes from the checkpoint.</summary>
    /// <param name="network">The network from <see cref="Build"/>; its parameters are updated in place.</param>
    /// <param name="stages">From <see cref="Stages"/>.</param>
    /// <param name="checkpoint">The checkpoint file. It stays: delete it once the network has been written.</param>
    /// <param name="progress">Called after every step.</param>
    /// <param name="cancellation">Stops between two steps, after writing a checkpoint.</param>
    /// <exception cref="OperationCanceledException">It was stopped; the next call resumes from the checkpoint.</exception>
    /// <exception cref="DivergenceException">The loss is NaN or infinite.</exception>
    public void Train(
        Network network, IReadOnlyList<Stage> stages, string checkpoint, IProgress<TrainingProgress>? progress = null, CancellationToken cancellation = default)
    {
        using var optimizer = new Adam(network.Backend, new AdamSettings(Rate), [.. network.Parameters.Select(parameter => parameter.Data)]);
        new TrainingRun(network, optimizer, checkpoint, Description) { CheckpointEvery = CheckpointEvery }.Run(stages, progress, cancellation);
    }

    /// <summary>The fraction of pictures, cropped at the centre, that a network classifies correctly.</summary>
    /// <param name="network">The network.</param>
    /// <param name="pictures">Those of <see cref="Test"/>.</param>
    /// <param name="cancellation">Stops between two pictures.</param>
    public static double Accuracy(Network network, ShapesImages pictures, CancellationToken cancellation = default)
    {
        using var inference = new Inference(network, new Shape(1, LargeSize, LargeSize, 3));
        var crops = new ShapesCrops(pictures, LargeSize);
        var input = new float[inference.Input.Shape.Count];
        int correct = 0;
        for (int i = 0; i < pictures.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            crops.Read(i, input);
            correct += Classes.Largest(inference.Run(input)) == ShapesDataset.Label(i) ? 1 : 0;
        }
        return (double)correct / pictures.Count;
    }

    private static Stage Stage(ShapesImages images, int size, int seed, double epochs, double rate)
    {
        var batches = new ShapesBatches(images, size, Batch, seed);
        long steps = Math.Max((long)(epochs * batches.StepsPerEpoch), 1);
        return new Stage(batches, new CosineSchedule(rate, Math.Min(steps / 10, 500), steps));
    }
}
