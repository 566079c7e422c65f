using System.Diagnostics;
using Iba.Engine.Files;
using Iba.Engine.Networks;
using Iba.Engine.Optimizers;

namespace Iba.Engine.Training;

/// <summary>A part of training on one image size, with its learning-rate schedule.</summary>
public sealed record Stage(IBatches Batches, CosineSchedule Rate)
{
    /// <summary>The settings that the result depends on, as text.</summary>
    internal string Settings => $"{Batches.Description}; {Rate}";
}

/// <summary>The progress of training.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Steps">Total steps.</param>
/// <param name="Loss">Recent mean cross-entropy, nats.</param>
/// <param name="Accuracy">Recent fraction of images classified correctly, each before the step that trained on it.</param>
/// <param name="ImagesPerSecond">Recent throughput.</param>
/// <param name="Left">Remaining time at the recent pace.</param>
public readonly record struct TrainingProgress(long Step, long Steps, double Loss, double Accuracy, double ImagesPerSecond, TimeSpan Left);

/// <summary>
/// Trains a network stage by stage and writes a checkpoint periodically and on cancellation. After an interruption anywhere, even a killed
/// process, the same call resumes from the last checkpoint and reaches the same weights.
/// </summary>
/// <param name="network">The network being trained.</param>
/// <param name="optimizer">The optimizer of the network's parameters, in their order.</param>
/// <param name="checkpoint">The checkpoint file.</param>
/// <param name="settings">What the result depends on besides the stages, on one line of text.</param>
public sealed class TrainingRun(Network network, Optimizer optimizer, string checkpoint, string settings)
{
    /// <summary>Decay per step of the moving averages that progress reports.</summary>
    private const double Memory = 0.98;

    /// <summary>Time between checkpoints: the work that is lost if the process is killed. It does not affect the result.</summary>
    public TimeSpan CheckpointEvery { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Trains to the end, from the checkpoint if there is one, else from the start.</summary>
    /// <param name="stages">The stages in order.</param>
    /// <param name="progress">Called after every step.</param>
    /// <param name="cancellation">Stops between two steps, after writing a checkpoint.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <exception cref="DivergenceException">The loss is NaN or infinite.</exception>
    /// <exception cref="ArgumentException">A schedule's setting is out of its range.</exception>
    public void Run(IReadOnlyList<Stage> stages, IProgress<TrainingProgress>? progress = null, CancellationToken cancellation = default)
    {
        foreach (Stage stage in stages)
            stage.Rate.Check();
        string[] lines = [settings, .. stages.Select(stage => stage.Settings)];
        var file = new Checkpoint(network, optimizer);
        long step = File.Exists(checkpoint) ? file.Load(checkpoint, lines) : 0, first = 0, steps = stages.Sum(stage => stage.Rate.Steps);
        if (step > steps)
            throw new FileFormatException(checkpoint, $"it says that {step} steps are done, and this training has {steps}", "Delete it to start anew.");
        var pace = new Pace(steps, progress);
        for (int i = 0; i < stages.Count; i++)
        {
            string[] past = lines[..(i + 2)];
            step = Run(stages[i], first, step, at => file.Save(checkpoint, at, past), pace, cancellation);
            first += stages[i].Rate.Steps;
        }
    }

    private long Run(Stage stage, long first, long step, Action<long> save, Pace pace, CancellationToken cancellation)
    {
        long end = first + stage.Rate.Steps;
        if (step >= end)
            return step;
        IBatches batches = stage.Batches;
        using var trainer = new Trainer(network, optimizer, batches.Images);
        var loop = new TrainingLoop<Batch, StepResult>
        {
            Allocate = () => new Batch(new float[batches.Images.Count], new float[batches.Images.N]),
            Fill = (at, batch) => batches.Fill(at, batch.Images, batch.Targets),
            Step = (at, batch) =>
            {
                optimizer.LearningRate = stage.Rate.At(at);
                return trainer.Step(batch.Images, batch.Targets);
            },
            Save = done => save(first + done),
            SaveEvery = CheckpointEvery,
        };
        loop.Run(step - first, stage.Rate.Steps, (done, result) => pace.Report(first + done, result, batches.Images.N), cancellation);
        return end;
    }

    /// <summary>A batch on the host.</summary>
    private sealed record Batch(float[] Images, float[] Targets);

    /// <summary>Moving averages over the last steps, for progress reports.</summary>
    private sealed class Pace(long steps, IProgress<TrainingProgress>? progress)
    {
        private readonly Stopwatch _clock = Stopwatch.StartNew();
        private double _weight, _loss, _accuracy, _seconds, _images;

        public void Report(long step, StepResult result, int images)
        {
            double seconds = _clock.Elapsed.TotalSeconds;
            _clock.Restart();
            _weight = Memory * _weight + 1;
            _loss += (result.Loss - _loss) / _weight;
            _accuracy += ((double)result.Correct / images - _accuracy) / _weight;
            _seconds += (seconds - _seconds) / _weight;
            _images += (images - _images) / _weight;
            progress?.Report(new TrainingProgress(
                step, steps, _loss, _accuracy, _images / _seconds, TimeSpan.FromSeconds(_seconds * (steps - step))));
        }
    }
}
