using System.Diagnostics;
using Engine.Networks;
using Engine.Optimizers;

namespace Engine.Training;

/// <summary>A stretch of training on one size of image, with a learning rate that rises and falls.</summary>
public sealed record Stage(IBatches Batches, CosineSchedule Rate)
{
    /// <summary>What the result depends on, in words.</summary>
    internal string Settings => $"{Batches.Description}; {Rate}";
}

/// <summary>How training goes.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Steps">Steps in all.</param>
/// <param name="Loss">Mean cross-entropy of late, nats.</param>
/// <param name="Accuracy">Share of images classified rightly of late, as they were when training met them.</param>
/// <param name="ImagesPerSecond">Of late.</param>
/// <param name="Left">Time left at the pace of late.</param>
public readonly record struct TrainingProgress(long Step, long Steps, double Loss, double Accuracy, double ImagesPerSecond, TimeSpan Left);

/// <summary>
/// Trains a network stage by stage, and writes a checkpoint every few minutes and when it is stopped. Stopped anywhere, even killed,
/// the same call goes on from the last checkpoint to the same weights.
/// </summary>
/// <param name="network">What learns.</param>
/// <param name="optimizer">Of the network's parameters, in their order.</param>
/// <param name="checkpoint">Where to put training aside.</param>
/// <param name="settings">What the result depends on beside the stages, in words, on one line.</param>
public sealed class TrainingRun(Network network, IOptimizer optimizer, string checkpoint, string settings)
{
    /// <summary>Share of the past that the figures of progress keep from step to step.</summary>
    private const double Memory = 0.98;

    /// <summary>Time between checkpoints. It decides what is lost when the process is killed, not what comes out.</summary>
    public TimeSpan CheckpointEvery { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Trains from the checkpoint, or from the start where there is none, to the end.</summary>
    /// <param name="stages">In their order.</param>
    /// <param name="progress">Told after every step.</param>
    /// <param name="cancellation">Stops between two steps, after a checkpoint.</param>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    /// <exception cref="DivergenceException">The loss is no number.</exception>
    public void Run(IReadOnlyList<Stage> stages, IProgress<TrainingProgress>? progress = null, CancellationToken cancellation = default)
    {
        string[] lines = [settings, .. stages.Select(stage => stage.Settings)];
        var file = new Checkpoint(network, optimizer);
        long step = File.Exists(checkpoint) ? file.Load(checkpoint, lines) : 0, first = 0, steps = stages.Sum(stage => stage.Rate.Steps);
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
        using var trainer = new Trainer(network, optimizer, stage.Batches.Images);
        using var ahead = new BatchesAhead(stage.Batches, step - first, end - first);
        var sinceCheckpoint = Stopwatch.StartNew();
        try
        {
            while (step < end)
            {
                Batch batch = ahead.Take(cancellation);
                optimizer.LearningRate = stage.Rate.At(step - first);
                StepResult result = trainer.Step(batch.Images, batch.Targets);
                step++;
                pace.Report(step, result, batch.Targets.Length);
                ahead.Return(batch);
                if (sinceCheckpoint.Elapsed >= CheckpointEvery)
                {
                    save(step);
                    sinceCheckpoint.Restart();
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Before a stage's first step nothing is new, and the stage has not begun.
            if (step > first)
                save(step);
            throw;
        }
        save(step);
        return step;
    }

    /// <summary>Figures of progress, averaged over the last steps.</summary>
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
