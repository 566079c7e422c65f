using Iba;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Files;
using Iba.Engine.Optimizers;
using Iba.Engine.Training;
using Xunit;

namespace Tests.Training;

/// <summary>Training that was stopped or killed resumes without a difference in the result.</summary>
public sealed class ResumeTests : IDisposable
{
    private const int First = 7, Second = 5;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("adam")]
    [InlineData("sgd")]
    public void Stopped_after_any_step_training_resumes_to_the_same_bits(string optimizer)
    {
        float[] undisturbed = Train(optimizer, "undisturbed", TimeSpan.MaxValue);
        for (int stop = 1; stop < First + Second; stop++)
        {
            using var cancel = new CancellationTokenSource();
            Assert.ThrowsAny<OperationCanceledException>(
                () => Train(optimizer, $"stop{stop}", TimeSpan.MaxValue, At(stop, cancel.Cancel), cancel: cancel.Token));
            Assert.Equal(undisturbed, Train(optimizer, $"stop{stop}", TimeSpan.MaxValue));
        }
    }

    [Theory]
    [InlineData("adam")]
    [InlineData("sgd")]
    public void Killed_after_any_step_training_resumes_from_its_last_checkpoint_to_the_same_bits(string optimizer)
    {
        float[] undisturbed = Train(optimizer, "undisturbed", TimeSpan.MaxValue);
        for (int death = 1; death < First + Second; death++)
        {
            // An exception between steps; the checkpoint of the step before exists whatever happens in the last.
            Assert.Throws<Death>(() => Train(optimizer, $"death{death}", TimeSpan.Zero, At(death, () => throw new Death())));
            Assert.Equal(undisturbed, Train(optimizer, $"death{death}", TimeSpan.Zero));
        }
    }

    [Fact]
    public void A_checkpoint_of_other_settings_is_refused_and_left_alone()
    {
        Train("sgd", "c", TimeSpan.MaxValue);
        byte[] before = File.ReadAllBytes(_folder["c"]);
        FileFormatException refusal = Assert.Throws<FileFormatException>(() => Train("sgd", "c", TimeSpan.MaxValue, settings: "other"));
        Assert.Contains("other settings (nothing; not other).", refusal.Message);
        Assert.Equal(before, File.ReadAllBytes(_folder["c"]));
    }

    [Fact]
    public void A_stage_may_change_until_training_has_begun_it()
    {
        float[] undisturbed = Train("adam", "undisturbed", TimeSpan.MaxValue, second: 2 * Second);
        using var early = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() => Train("adam", "early", TimeSpan.MaxValue, At(First, early.Cancel), cancel: early.Token));
        Assert.Equal(undisturbed, Train("adam", "early", TimeSpan.MaxValue, second: 2 * Second));
        using var late = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() => Train("adam", "late", TimeSpan.MaxValue, At(First + 1, late.Cancel), cancel: late.Token));
        Assert.Contains($"other settings (Steps = {Second}; not Steps = {2 * Second}).",
            Assert.Throws<FileFormatException>(() => Train("adam", "late", TimeSpan.MaxValue, second: 2 * Second)).Message);
    }

    [Fact]
    public void A_checkpoint_beyond_the_end_is_refused()
    {
        Train("sgd", "c", TimeSpan.MaxValue);
        using var backend = new CpuBackend(1);
        using var small = new ReferenceTraining(backend);
        using Optimizer steps = new Sgd(backend, new SgdSettings(0.01), small.Parameters);
        new Checkpoint(small.Network, steps).Save(_folder["c"], First + Second + 1, [""]);
        Assert.Contains("13 steps are done, and this training has 12", Assert.Throws<FileFormatException>(() => Train("sgd", "c", TimeSpan.MaxValue)).Message);
    }

    [Fact]
    public void A_parameter_that_is_no_number_is_neither_written_nor_read()
    {
        Train("sgd", "c", TimeSpan.MaxValue);
        byte[] before = File.ReadAllBytes(_folder["c"]);
        using var backend = new CpuBackend(1);
        using var small = new ReferenceTraining(backend);
        using Optimizer steps = new Sgd(backend, new SgdSettings(0.01), small.Parameters);
        var checkpoint = new Checkpoint(small.Network, steps);
        backend.Fill(small.Parameters[0], float.NaN);
        Assert.Throws<DivergenceException>(() => checkpoint.Save(_folder["c"], 1, [""]));
        Assert.Equal(before, File.ReadAllBytes(_folder["c"]));

        using SafetensorsFile good = SafetensorsFile.Open(_folder["c"]);
        var facts = new Dictionary<string, string>(good.Metadata);
        facts.Remove(SafetensorsFile.ChecksumKey);
        SafetensorsFile.Write(_folder["bad"], [.. good.Entries.Select(entry => new SafetensorsTensor(
            entry.Name, entry.Shape, Array.ConvertAll(good.ReadFloats(entry.Name), _ => float.NaN)))], facts, withChecksum: true);
        Assert.Contains("has the number NaN", Assert.Throws<FileFormatException>(() => Train("sgd", "bad", TimeSpan.MaxValue)).Message);
    }

    [Fact]
    public void Any_exception_between_two_steps_keeps_the_steps_done()
    {
        Assert.Throws<Death>(() => Train("sgd", "c", TimeSpan.MaxValue, At(5, () => throw new Death())));
        using SafetensorsFile kept = SafetensorsFile.Open(_folder["c"]);
        Assert.Equal("5", kept.Metadata["step"]);
    }

    [Fact]
    public void A_file_that_is_no_checkpoint_is_named()
    {
        SafetensorsFile.Write(_folder["c"], [new("x", [1], new float[1])]);
        Assert.Contains("no checkpoint", Assert.Throws<FileFormatException>(() => Train("sgd", "c", TimeSpan.MaxValue)).Message);
    }

    private float[] Train(
        string optimizer, string checkpoint, TimeSpan every, IProgress<TrainingProgress>? progress = null, string settings = "",
        int second = Second, CancellationToken cancel = default)
    {
        using var backend = new CpuBackend(1);
        using var small = new ReferenceTraining(backend);
        using Optimizer steps = optimizer == "adam"
            ? new Adam(backend, new AdamSettings(1e-3), small.Parameters)
            : new Sgd(backend, new SgdSettings(0.01), small.Parameters);
        new TrainingRun(small.Network, steps, _folder[checkpoint], settings) { CheckpointEvery = every }.Run(
            [new Stage(small, new CosineSchedule(1e-3, 2, First)), new Stage(small, new CosineSchedule(5e-4, 0, second))], progress, cancel);
        return small.Weights;
    }

    private static ProgressRelay<TrainingProgress> At(long step, Action action) => new(at =>
    {
        if (at.Step == step)
            action();
    });

    private sealed class Death : Exception;
}
