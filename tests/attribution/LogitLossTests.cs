using Iba;
using Iba.Backpropagation;
using Iba.Bottleneck;
using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Networks;
using Iba.Engine.Ops;
using Iba.Methods;
using Iba.Statistics;
using Tests.Devices;
using Tests.Emulator;
using Xunit;

namespace Tests.Attribution;

/// <summary>Losses other than the target's cross-entropy: their numbers, their slopes, and the methods that explain them.</summary>
public abstract class LogitLossTests(Device on) : TestsOnDevice(on)
{
    private static readonly float[][] Logits = [[1, -2, 0.5f, 3, 0], [40, 0, -40, 1, 2], [0.1f, 0.2f, 0.3f, 0.4f, 0.5f]];

    /// <summary>Each loss with its textbook formula in double, of logits z and the target t.</summary>
    private static readonly (LogitLoss Loss, int[] Targets, Func<double[], int, double> Formula)[] Formulas =
    [
        (LogitLoss.AnyOf(1, 3, 4), [3, 4, 1], (z, _) => Surprise(z, 1, 3, 4)),
        (LogitLoss.AnyOf(2, 1), [2, 2, 1], (z, _) => Surprise(z, 1, 2)),
        (LogitLoss.Margin(2), [0, 1, 4], (z, t) => z[2] - z[t]),
        (LogitLoss.Of("mixed", rows => rows.Logit(3) * -2f + rows.Surprise(1) * 0.5f + rows.Surprise()), [0, 1, 4],
            (z, t) => -2 * z[3] + 0.5 * Surprise(z, 1) + Surprise(z, t)),
        (LogitLoss.Of("distance", rows =>
        {
            Value apart = rows.Logits + rows.Constant([.. Enumerable.Repeat(-1f, rows.Rows * rows.Classes)], rows.Logits.Shape);
            return (apart * apart).MeanRows();
        }), [0, 1, 4], (z, _) => z.Average(each => (each - 1) * (each - 1))),
    ];

    private static double Surprise(double[] z, params int[] of)
    {
        double most = z.Max();
        return Math.Log(z.Sum(each => Math.Exp(each - most))) - Math.Log(of.Sum(k => Math.Exp(z[k] - most)));
    }

    /// <summary>float32 rounds logits of 40 by 2e-6; differences in double over 1e-4 are as exact as their second derivatives are bounded, 1e-7.</summary>
    [Fact]
    public void Losses_and_slopes_are_those_of_the_formula()
    {
        const double Step = 1e-4;
        foreach ((LogitLoss loss, int[] targets, Func<double[], int, double> formula) in Formulas)
        {
            var score = new ExplainedScore(On.Backend, loss);
            double[] scores = score.Of(Logits, targets);
            float[] slopes = score.Gradient([.. Logits.SelectMany(row => row)], targets);
            foreach ((int row, float[] logits) in Logits.Index())
            {
                double[] z = [.. logits.Select(each => (double)each)];
                double value = formula(z, targets[row]);
                Assert.Equal(-value, scores[row], 1e-5 * Math.Max(1, z.Max(Math.Abs)));
                for (int k = 0; k < z.Length; k++)
                {
                    double[] up = [.. z], down = [.. z];
                    up[k] += Step;
                    down[k] -= Step;
                    double slope = (formula(up, targets[row]) - formula(down, targets[row])) / (2 * Step);
                    Assert.Equal(-slope, slopes[row * z.Length + k], 1e-5 * Math.Max(1, Math.Abs(slope)));
                }
            }
        }
    }

    /// <summary>
    /// The bottleneck's derivative against the difference of its losses along it. What follows the layer is linear, so that the loss is smooth; float32 rounds
    /// the losses by some 1e-7 of differences of some 1e-2.
    /// </summary>
    [Fact]
    public void The_mask_follows_the_slope_of_its_loss()
    {
        const float Step = 0.2f;
        Network network = FullMemoryTests.Tiny(On.Backend);
        FeatureStatistics statistics = FullMemoryTests.Statistics(network, "relu");
        LogitLoss[] losses = [LogitLoss.CrossEntropy, LogitLoss.AnyOf(0, 2), LogitLoss.Margin(1), LogitLoss.Of("logit", rows => rows.Logit(2) * -1f)];
        foreach (LogitLoss loss in losses)
        {
            var settings = new BottleneckSettings { Beta = 0, Copies = 2, Steps = 2, InitialAlpha = 0 };
            using var fit = new MaskFit(network.After("relu"), statistics, 2, settings, inParts: true, loss: loss);
            using var trunk = new Inference(network.Until("relu"), FullMemoryTests.Image.WithN(2));
            On.Backend.Upload([.. FullMemoryTests.Samples(2).SelectMany(sample => sample.Pixels)], trunk.Input);
            trunk.Run();
            On.Backend.Copy(trunk.Output, fit.Features);
            fit.Begin([1, 2], [0, 2]);
            fit.Step();
            float[] slope = On.Backend.Read(fit.AlphaGradient!);
            double norm = Math.Sqrt(slope.Sum(each => (double)each * each));
            Assert.True(norm > 1e-4, $"{loss}: a slope of {norm}");
            double up = LossAt(Step), down = LossAt(-Step);
            Assert.Equal(norm, (up - down) / (2 * Step), 0.02 * norm);

            double LossAt(double along)
            {
                fit.Begin();
                On.Backend.Upload([.. slope.Select(each => (float)(along * each / norm))], fit.Alpha);
                fit.RecordLosses();
                return On.Backend.Read(fit.ModelHistory).Take(2).Sum(each => (double)each);
            }
        }
    }

    /// <summary>A margin is a difference of logits, and these methods are linear in them: the sums of float32 numbers differ by rounding.</summary>
    [Fact]
    public void Maps_of_a_margin_are_differences_of_maps_of_logits()
    {
        Network network = FullMemoryTests.Tiny(On.Backend);
        Sample of0 = FullMemoryTests.Samples(1)[0] with { Target = 0 }, of2 = of0 with { Target = 2 };
        LogitLoss margin = LogitLoss.Margin(2);
        Linear(loss => new Gradient(network, FullMemoryTests.Image) { Loss = loss }, found => [.. found.Colours!]);
        Linear(loss => new SmoothGrad(network, FullMemoryTests.Image) { Loss = loss, Samples = 3 }, found => [.. found.Colours!]);
        Linear(loss => new IntegratedGradients(network, FullMemoryTests.Image) { Loss = loss, Steps = 3 }, found => [.. found.Colours!]);
        Linear(loss => new GradCam(network, FullMemoryTests.Image, "relu") { Loss = loss, Class = ExplainedClass.Target },
            found => [.. ((ClassActivationExplanation)found).Activation.Weights.Select(each => (float)each)]);

        void Linear(Func<LogitLoss, IAttributionMethod> method, Func<Explanation, float[]> numbers)
        {
            using IAttributionMethod plain = method(LogitLoss.CrossEntropy), told = method(margin);
            Explanation[] both = [.. plain.Attribute([of0, of2])];
            Explanation found = told.Attribute([of0]).Single();
            Assert.Equal((0, margin), (found.Target, found.Loss));
            Close.InNorm([.. numbers(both[0]).Zip(numbers(both[1]), (a, b) => a - b)], numbers(found), 1e-5, told.Name);
        }
    }

    [Fact]
    public void Checks_hold_for_other_losses()
    {
        Network network = FullMemoryTests.Tiny(On.Backend);
        LogitLoss loss = LogitLoss.AnyOf(1, 2);
        using var saliency = new Saliency(network, FullMemoryTests.Image) { Loss = loss, Checks = true };
        Assert.InRange(Assert.IsType<SlopeCheck>(saliency.Attribute(FullMemoryTests.Samples(1)).Single().Check).Gap, 0, 0.2);
        using var path = new IntegratedGradients(network, FullMemoryTests.Image) { Loss = loss, Checks = true, Steps = 100 };
        var check = Assert.IsType<CompletenessCheck>(path.Attribute(FullMemoryTests.Samples(1)).Single().Check);
        Assert.InRange(check.Gap, 0, 0.1);
    }

    [Fact]
    public void A_result_has_the_losses_and_the_probability_of_what_was_asked_for()
    {
        Network network = FullMemoryTests.Tiny(On.Backend);
        LogitLoss both = LogitLoss.AnyOf(1, 2);
        using var method = new PerSampleBottleneck(
            network, FullMemoryTests.Statistics(network, "relu"), FullMemoryTests.Image, 2, new BottleneckSettings { Steps = 4, Copies = 3 })
        {
            Loss = both,
            KeepsMask = true,
        };
        foreach (BottleneckExplanation found in method.Attribute(FullMemoryTests.Samples(2)).Cast<BottleneckExplanation>())
        {
            Assert.Equal(both, found.Loss);
            Assert.Equal(4, found.Losses.Count);
            double[] p = Classes.Probabilities(found.Logits);
            Assert.Equal(p[1] + p[2], found.Probability);
            Assert.InRange(found.ProbabilityRestricted, 0, 1);
            Assert.Equal(found.Mask!.Length, found.Capacity!.Length);
        }
    }

    [Fact]
    public void Every_method_takes_a_loss_or_says_that_it_does_not()
    {
        Network network = FullMemoryTests.Tiny(On.Backend);
        var inputs = new MethodInputs(network, FullMemoryTests.Image)
        {
            Statistics = FullMemoryTests.Statistics(network, "relu"),
            Bottleneck = new BottleneckSettings { Steps = 1, Copies = 1 },
            CamLayer = "relu",
            NoiseSamples = 1,
            PathSteps = 1,
            Loss = LogitLoss.Margin(2),
            Class = ExplainedClass.Target,
            Readout = _ => throw new InvalidOperationException("it is not made"),
        };
        foreach (MethodKind kind in AttributionMethods.All)
        {
            if (kind.TakesLoss)
            {
                using IAttributionMethod method = kind.Create(inputs);
                Assert.Equal(LogitLoss.Margin(2), method.Attribute(FullMemoryTests.Samples(1)).Single().Loss);
                continue;
            }
            string message = Assert.Throws<ArgumentException>(() => kind.Create(inputs)).Message;
            Assert.StartsWith($"{kind.Name} does not take the loss 'margin to 2'", message);
            Assert.Contains("or of no class. Name one class and leave out --margin-to, or use one of: per-sample, gradient", message);
        }
    }

    [Fact]
    public void Losses_are_equal_by_value()
    {
        Func<LossRows, Value> mean = rows => rows.Logits.MeanRows();
        Assert.Equal(LogitLoss.AnyOf(1, 2), LogitLoss.AnyOf(1, 2));
        Assert.Equal(LogitLoss.AnyOf(1, 2).GetHashCode(), LogitLoss.AnyOf(1, 2).GetHashCode());
        Assert.NotEqual(LogitLoss.AnyOf(1, 2), LogitLoss.AnyOf(2, 1));
        Assert.Equal(LogitLoss.Margin(1), LogitLoss.Margin(1));
        Assert.NotEqual(LogitLoss.Margin(1), LogitLoss.Margin(2));
        Assert.Equal(LogitLoss.Of("mean", mean), LogitLoss.Of("mean", mean));
        Assert.NotEqual(LogitLoss.Of("mean", mean), LogitLoss.Of("mean", rows => rows.Logits.MeanRows()));
        Assert.NotEqual(LogitLoss.CrossEntropy, LogitLoss.Of("cross-entropy", rows => rows.Surprise()));
    }

    [Fact]
    public void Mistakes_are_named()
    {
        Refused("has a class twice", () => LogitLoss.AnyOf(1, 2, 1));
        Refused("two classes at least", () => LogitLoss.AnyOf(1));
        Refused("class 7 does not exist", () => Ask(LogitLoss.AnyOf(0, 7), null));
        Refused("class 1 is not one of the loss", () => Ask(LogitLoss.AnyOf(0, 2), 1));
        Refused("class 7 does not exist", () => Ask(LogitLoss.Margin(7), 0));
        Refused("the margin of class 2 is to the same class", () => Ask(LogitLoss.Margin(2), 2));
        Refused("class 9 does not exist", () => Ask(LogitLoss.Of("ninth", rows => rows.Logit(9)), 0));
        Refused("the loss 'all' gives (1, 3)", () => Ask(LogitLoss.Of("all", rows => rows.Logits), 0));
        Refused("does not depend on the logits", () => Ask(LogitLoss.Of("none", rows => rows.Targets), 0));

        void Ask(LogitLoss loss, int? target)
        {
            using var method = new Gradient(FullMemoryTests.Tiny(On.Backend), FullMemoryTests.Image) { Loss = loss };
            Assert.Single(method.Attribute([FullMemoryTests.Samples(1)[0] with { Target = target }]));
        }

        static void Refused(string reason, Action act) => Assert.Contains(reason, Assert.ThrowsAny<ArgumentException>(act).Message);
    }
}

/// <inheritdoc cref="LogitLossTests"/>
public sealed class LogitLossTestsOnCpu(Cpu cpu) : LogitLossTests(cpu), IClassFixture<Cpu>;

/// <inheritdoc cref="LogitLossTests"/>
public sealed class LogitLossTestsOnEmulatedCuda() : LogitLossTests(new EmulatedGpu());

/// <inheritdoc cref="LogitLossTests"/>
[Collection(nameof(Gpu))]
public sealed class LogitLossTestsOnCuda(Gpu gpu) : LogitLossTests(gpu);
