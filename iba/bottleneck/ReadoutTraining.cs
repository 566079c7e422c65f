using Iba.Engine.Backends;
using Iba.Engine.Files;
using Iba.Engine.Networks;
using Iba.Engine.Optimizers;
using Iba.Engine.Tensors;
using Iba.Engine.Training;
using Iba.Statistics;

namespace Iba.Bottleneck;

/// <summary>The training data of a readout: an endless sequence of images.</summary>
public interface IReadoutExamples
{
    /// <summary>The images, their order and their classes as text: training resumes only from a file with the same text.</summary>
    string Description { get; }

    /// <summary>
    /// The image at a position and its class, or null for the class that the network predicts. It must depend on the position alone. Training
    /// calls it ahead of time on another thread, for one position at a time.
    /// </summary>
    Sample At(long position);
}

/// <summary>The progress of training.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Steps">Steps in all.</param>
/// <param name="Loss">The loss of the last step's batch, before its update.</param>
public readonly record struct ReadoutProgress(long Step, long Steps, StepLoss Loss);

/// <summary>
/// Trains a readout (paper section 3.3): minimise the cross-entropy of each image's own class + β x mean information over the parameters of
/// the readout alone, with Adam; the classifier is frozen. After any interruption, also of a killed process, training resumes from its last
/// file and reaches the same parameters bit for bit.
/// </summary>
public sealed class ReadoutTraining : IDisposable
{
    private const string ExamplesKey = "examples", MeanPrefix = "adam.mean.", SquarePrefix = "adam.square.";

    private readonly IBackend _backend;
    private readonly ReadoutNetwork _readout;
    private readonly IReadoutExamples _examples;
    private readonly Adam _adam;
    private readonly ReadoutPass _pass;
    private readonly Tensor[] _gradients;

    /// <param name="network">The classifier, frozen.</param>
    /// <param name="readout">The network to train; the caller disposes it.</param>
    /// <param name="image">(1, H, W, 3) the shape of an image.</param>
    /// <param name="examples">The training data.</param>
    /// <param name="weightsSha256">SHA-256 of the classifier's weights, compared with that of the readout; empty if unknown.</param>
    /// <param name="recordedNoise">Whether <see cref="ReadoutPass.Noise"/> replaces the generator's.</param>
    /// <exception cref="StatisticsException">The readout belongs to another network, image size or weights.</exception>
    internal ReadoutTraining(
        Network network, ReadoutNetwork readout, Shape image, IReadoutExamples examples, string weightsSha256, bool recordedNoise)
    {
        readout.MustFit(network, image, weightsSha256);
        (_backend, _readout, _examples) = (network.Backend, readout, examples);
        Tensor[] parameters = [.. readout.Parameters.Select(parameter => parameter.Data)];
        _adam = new Adam(_backend, new AdamSettings(readout.Settings.LearningRate), parameters);
        _pass = new ReadoutPass(network, readout, image, readout.Settings.Batch, _adam.StepCount, trains: true, recordedNoise);
        _gradients = new Tensor[parameters.Length];
        // The position in the batch and the step together make each image's noise independent.
        _backend.Upload([.. Enumerable.Range(0, readout.Settings.Batch).Select(slot => (float)slot)], _pass.NoiseWords);
    }

    /// <param name="network">The classifier, frozen.</param>
    /// <param name="readout">The network to train; the caller disposes it.</param>
    /// <param name="image">(1, H, W, 3) the shape of an image.</param>
    /// <param name="examples">The training data.</param>
    /// <param name="weightsSha256">SHA-256 of the classifier's weights, compared with that of the readout; empty if unknown.</param>
    /// <exception cref="StatisticsException">The readout belongs to another network, image size or weights.</exception>
    public ReadoutTraining(Network network, ReadoutNetwork readout, Shape image, IReadoutExamples examples, string weightsSha256 = "")
        : this(network, readout, image, examples, weightsSha256, recordedNoise: false)
    {
    }

    /// <summary>Time between two checkpoints: the work that is lost if the process is killed. It does not affect the result.</summary>
    public TimeSpan SaveEvery { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>The pass that is differentiated, for comparison with other programs.</summary>
    internal ReadoutPass Pass => _pass;

    /// <summary>dLoss/dp of the last step, in the order of the readout's parameters.</summary>
    internal IReadOnlyList<Tensor> Gradients => _gradients;

    /// <summary>One update with the examples of the next step.</summary>
    /// <returns>The loss before the update, mean over the batch.</returns>
    /// <exception cref="DivergenceException">The loss is NaN or infinite; the parameters are unchanged.</exception>
    public StepLoss Step()
    {
        var samples = new Sample[_readout.Settings.Batch];
        Fill(_readout.Steps, samples);
        return Step(samples);
    }

    /// <summary>Reads the examples of a step.</summary>
    private void Fill(long step, Sample[] samples)
    {
        for (int slot = 0; slot < samples.Length; slot++)
            samples[slot] = _examples.At(step * samples.Length + slot);
        Sample.Check(samples, _pass.Images.Shape, "the readout");
        _readout.Statistics.First.MustBeOf(samples);
    }

    private StepLoss Step(Sample[] samples)
    {
        var batch = new SampleBatch(samples, samples.Length);
        batch.Upload(_backend, _pass.Images);
        _pass.Collect();
        _backend.Upload([.. batch.Targets(_backend.Read(_pass.Logits)).Select(target => (float)target)], _pass.Targets);
        _pass.Forward();

        var loss = new StepLoss(_backend.Read(_pass.Model)[0], _backend.Read(_pass.Information)[0], _readout.Settings.Beta);
        if (!float.IsFinite(loss.Total))
            throw new DivergenceException();
        _pass.Backward(_gradients);
        _adam.Step(_gradients);
        _readout.Steps++;
        return loss;
    }

    /// <summary>Trains up to a total number of steps. Writes the file periodically, when training is stopped after a step, and at the end.</summary>
    /// <param name="path">The file, which <see cref="Resume"/> and <see cref="ReadoutFile.Read(FileSource, IBackend)"/> read.</param>
    /// <param name="steps">Total steps, including those of earlier runs.</param>
    /// <param name="progress">Called after every step.</param>
    /// <param name="cancellation">Stops between two steps, after writing the file.</param>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    /// <exception cref="DivergenceException">The loss is NaN or infinite.</exception>
    public void Run(string path, long steps, IProgress<ReadoutProgress>? progress = null, CancellationToken cancellation = default)
    {
        var loop = new TrainingLoop<Sample[], StepLoss>
        {
            Allocate = () => new Sample[_readout.Settings.Batch],
            Fill = Fill,
            Step = (_, samples) => Step(samples),
            Save = _ => Save(path),
            SaveEvery = SaveEvery,
        };
        loop.Run(_readout.Steps, steps, (done, loss) => progress?.Report(new ReadoutProgress(done, steps, loss)), cancellation);
    }

    /// <summary>Writes the readout and the state that training needs to resume, atomically.</summary>
    public void Save(string path) => ReadoutFile.Write(
        path, _readout, [(MeanPrefix, Means), (SquarePrefix, Squares)], new Dictionary<string, string> { [ExamplesKey] = _examples.Description });

    /// <summary>Resumes from a file that <see cref="Save"/> wrote and from which the readout was read.</summary>
    /// <exception cref="FileFormatException">The file has no training state, or the training data were different.</exception>
    public void Resume(SafetensorsFile file)
    {
        string others = file.Metadata.GetValueOrDefault(ExamplesKey, "");
        if (others != _examples.Description)
        {
            throw new FileFormatException(
                file.Path, $"it is training on other images ({others}, not {_examples.Description})",
                "Give those images, or choose another file to start over.");
        }
        ReadoutFile.Read(file, _readout, MeanPrefix, Means);
        ReadoutFile.Read(file, _readout, SquarePrefix, Squares);
        if (Squares.Any(squares => _backend.Read(squares).AsSpan().IndexOfAnyInRange(float.MinValue, -float.Epsilon) >= 0))
            throw ReadoutFile.Damaged(file, $"a tensor '{SquarePrefix}...' is negative, and it holds means of squares");
        _backend.Fill(_adam.StepCount, _readout.Steps);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _pass.Dispose();
        _adam.Dispose();
    }

    /// <summary>Adam's state: first moments, then second moments, each in the order of the parameters, then the step count.</summary>
    private Tensor[] Means => [.. _adam.State.Take(_gradients.Length)];

    private Tensor[] Squares => [.. _adam.State.Skip(_gradients.Length).Take(_gradients.Length)];
}
