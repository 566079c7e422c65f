using Iba.Engine.Backends;
using Iba.Engine.Optimizers;
using Iba.Engine.Tensors;
using Iba.Engine.Training;
using Tests.Devices;
using Xunit;

namespace Tests.Training;

/// <summary>From the same weights and batches, training has PyTorch's losses.</summary>
public abstract class LearningCurveTests(Device on)
{
    [Theory]
    [InlineData("adam")]
    [InlineData("sgd")]
    [InlineData("sgd_decay")]
    public void Losses_follow_PyTorchs(string name)
    {
        IBackend backend = on.Backend;
        using var small = new ReferenceTraining(backend);
        using Optimizer optimizer = Make(name, backend, small.Parameters);
        using var trainer = new Trainer(small.Network, optimizer, small.Images);
        float[] expected = small.Curve(name), actual = new float[ReferenceTraining.Steps];
        float[] images = new float[small.Images.Count], targets = new float[small.Images.N];
        for (int step = 0; step < actual.Length; step++)
        {
            small.Fill(step, images, targets);
            actual[step] = (float)trainer.Step(images, targets).Loss;
        }

        // Rounding differences begin at about 1e-7 and grow with each step, fastest with Adam, which divides by small numbers; what is
        // wrong by a constant, an order or a sign is off by a percent within a few steps.
        Close.InMaxNorm(expected.AsSpan(0, 20), actual.AsSpan(0, 20), 1e-5, $"{name}: the first losses");
        Close.InMaxNorm(expected.AsSpan(180), actual.AsSpan(180), 0.01, $"{name}: the last losses");
        Assert.True(expected[^1] < 0.7 * expected[0], "a curve that hardly falls tells nothing");
    }

    /// <summary>The settings of make_reference.py.</summary>
    private static Optimizer Make(string name, IBackend backend, Tensor[] parameters) => name switch
    {
        "adam" => new Adam(backend, new AdamSettings(7e-4), parameters),
        "sgd" => new Sgd(backend, new SgdSettings(0.004, 0.9), parameters),
        _ => new Sgd(backend, new SgdSettings(0.004, 0.9, 0.01), parameters),
    };
}

public sealed class LearningCurveTestsOnCpu(Cpu cpu) : LearningCurveTests(cpu), IClassFixture<Cpu>;

[Collection(nameof(Gpu))]
public sealed class LearningCurveTestsOnCuda(Gpu gpu) : LearningCurveTests(gpu);
