using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;
using Tests.Devices;
using Xunit;

namespace Tests.Engine;

/// <summary>The part of the reference's bottleneck that needs no network: from the mask to the information.</summary>
public abstract class CapacityGoldenTests(Device on)
{
    private readonly IBackend _backend = on.Backend;

    /// <summary>
    /// Sigmoid, blur, standardised features and KL divergence, at the mask of every step. The features are those of the same image
    /// in the file of forward values. The reference's float32 loses digits in ln (1 - λ)² where λ is near 1, hence 1e-5.
    /// </summary>
    [Theory]
    [InlineData("resnet50-narrow", "act.layer2")]
    [InlineData("vgg16-narrow", "act.features.17")]
    public void The_information_of_every_step_is_the_references(string network, string layer)
    {
        GoldenFile golden = Golden.Open($"{network}.per_sample.safetensors"), forward = Golden.Open($"{network}.expected.safetensors");
        Assert.Equal(golden.Floats("input"), forward.Floats("input")[..golden.Floats("input").Length]);
        int[] size = golden.Shape("mean");
        var shape = new Shape(1, size[1], size[2], size[0]);
        float[] std = [.. golden.NHWC("std").Select(s => Math.Max(s, float.Parse(golden.Metadata["min_std"])))];

        Tensor α = _backend.Allocate(shape), r = _backend.Allocate(shape);
        Tensor features = _backend.Tensor(shape, forward.NHWC(layer)[..shape.Count]);
        _backend.Standardise(features, _backend.Tensor(shape, golden.NHWC("mean")), _backend.Tensor(shape, std), r);
        using var tape = new Tape(_backend);
        float[] taps = GaussianTaps.Of(double.Parse(golden.Metadata["sigma"]));
        Value λ = tape.Variable(α, "α").Sigmoid().Blur(tape.Constant(_backend.Tensor(new Shape(taps.Length), taps), "taps"));
        Value information = tape.Constant(r, "r").Information(λ, tape.Constant(_backend.Tensor(shape, Active(golden)), "active"));
        Value mean = information.Mean();

        float[] losses = golden.Floats("loss.information"), after = golden.NHWC("alpha.after");
        _backend.Fill(α, float.Parse(golden.Metadata["initial_alpha"]));
        for (int step = 0; step < losses.Length; step++)
        {
            tape.Forward();
            Close.InMaxNorm([losses[step]], _backend.Read(mean), 1e-5, $"information at step {step + 1}");
            if (step == losses.Length - 1)
                Close.InMaxNorm(golden.NHWC("capacity.nats"), _backend.Read(information), 1e-5, "capacity of the last forward pass");
            _backend.Upload(after.AsSpan(step * shape.Count, shape.Count), α);
        }
    }

    /// <summary>The flags are C, H, W in the file.</summary>
    private static float[] Active(GoldenFile golden)
    {
        bool[] flags = golden.Bools("active");
        int[] size = golden.Shape("active");
        int pixels = size[1] * size[2];
        return [.. Enumerable.Range(0, flags.Length).Select(i => flags[i % size[0] * pixels + i / size[0]] ? 1f : 0f)];
    }
}

public sealed class CapacityGoldenTestsOnCpu(Cpu cpu) : CapacityGoldenTests(cpu), IClassFixture<Cpu>;

[Collection(nameof(Gpu))]
public sealed class CapacityGoldenTestsOnCuda(Gpu gpu) : CapacityGoldenTests(gpu);
