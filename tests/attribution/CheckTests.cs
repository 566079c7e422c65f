using Iba;
using Iba.Backpropagation;
using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Networks;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;
using Iba.Relevance;
using Tests.Devices;
using Tests.Networks;
using Xunit;
using Result = Iba.Explanation;

namespace Tests.Attribution;

/// <summary>Quality measures of a result that are shown to the user.</summary>
public abstract class CheckTests(Device on)
{
    public static TheoryData<string> Networks => NarrowNetwork.Names;

    [Theory, MemberData(nameof(Networks))]
    public void The_gradient_is_the_slope_that_the_network_shows(string network)
    {
        using GoldenBaselines golden = GoldenBaselines.Open(network, on);
        foreach ((_, int target) in golden.Classes)
        {
            var check = Assert.IsType<SlopeCheck>(golden.Run(new Saliency(golden.Network, golden.Image) { Checks = true }, target).Check);
            // ReLUs switch inside the step, and the logits are rounded: a few percent are left. A wrong sign leaves 2, a wrong factor
            // 0.5 or more.
            Assert.InRange(check.Gap, 0, 0.2);
            Assert.True(check.Slope > 0);
        }
        Assert.Null(golden.Run(new Saliency(golden.Network, golden.Image)).Check);
    }

    [Theory, MemberData(nameof(Networks))]
    public void More_steps_close_the_completeness_gap(string network)
    {
        using GoldenBaselines golden = GoldenBaselines.Open(network, on);
        CompletenessCheck With(int steps) => Assert.IsType<CompletenessCheck>(
            golden.Run(new IntegratedGradients(golden.Network, golden.Image) { Steps = steps, TimesInput = true, Checks = true }).Check);
        CompletenessCheck coarse = With(1), fine = With(400);
        Assert.Equal(coarse.LogitDifference, fine.LogitDifference);
        Assert.True(fine.Gap < coarse.Gap / 2, $"400 steps leave {fine.Gap:G3}, one step {coarse.Gap:G3}");
        Assert.Equal(fine.LogitDifference, fine.Sum, 1e-2 * golden.Logits.Max(Math.Abs));
    }

    /// <summary>
    /// The rule conserves relevance, except at neurons without a positive contribution, which are on by their bias alone.
    /// </summary>
    [Theory]
    [InlineData("vgg16-narrow", true)]
    [InlineData("vgg16-narrow", false)]
    [InlineData("resnet50-narrow", false)]
    public void Positive_LRP_conserves_relevance_in_every_layer_but_for_neurons_that_are_on_by_their_bias_alone(string network, bool large)
    {
        using GoldenBaselines golden = large ? GoldenBaselines.OpenForLrp(on) : GoldenBaselines.Open(network, on);
        foreach ((_, int target) in golden.Classes)
        {
            Result result = golden.Run(Lrp.Positive(golden.Network, golden.Image, checks: true), target);
            var check = Assert.IsType<ConservationCheck>(result.Check);
            Assert.Equal(golden.Network.Layers.Count(layer => layer is not DropoutLayer), check.Layers.Count);
            Assert.Equal(result.Logits[target], check.Layers[0].Given);

            using var bias = new BiasAlone();
            using var pass = new ScoreGradient(golden.Network, golden.Image, bias, fused: false);
            float[] seed = pass.Logits([golden.Pixels])[0];
            for (int k = 0; k < seed.Length; k++)
                seed[k] = k == target ? seed[k] : 0;
            pass.Backward(seed);
            foreach (LayerRelevance layer in check.Layers)
            {
                bool Inside(string line) => $"{line}.".StartsWith($"{layer.Layer}.", StringComparison.Ordinal);
                double lost = bias.Lost.Where(loss => Inside(loss.Key)).Sum(loss => loss.Value);
                Assert.Equal(layer.Given, layer.PassedOn + lost, ConservationCheck.Tolerance * Math.Abs(layer.Given));
            }
            if (bias.Lost.Values.All(lost => lost == 0))
                Assert.Empty(check.Losses);
            // The relevance at the pixels is the part of the logit that the layers kept.
            float logit = result.Logits[target];
            Assert.Equal(check.Kept * logit, result.Heatmap.Values.Sum(x => (double)x), 1e-3 * Math.Abs(logit));
        }
    }

    [Fact]
    public void Negative_LRP_loses_relevance_at_the_first_layer_already()
    {
        using GoldenBaselines golden = GoldenBaselines.Open("vgg16-narrow", on);
        var check = Assert.IsType<ConservationCheck>(golden.Run(Lrp.Negative(golden.Network, golden.Image, checks: true)).Check);
        Assert.Equal("classifier.6", check.Losses.FirstOrDefault()?.Layer);
        Assert.Contains(check.Numbers, number => number.Key == "check.first_loss.classifier.6");
        Assert.InRange(Math.Abs(check.Kept), 0, 1e-3);
    }

    [Fact]
    public void PatternAttribution_conserves_relevance_at_residual_sums()
    {
        // With the plain derivative both sides of a sum would receive all relevance.
        using GoldenBaselines golden = GoldenBaselines.Open("resnet50-narrow", on);
        Patterns patterns = PatternFit.Run(golden.Network, golden.Image, Draws.Images(golden.Pixels, 3));
        using var sums = new AtSums(new PatternRule(golden.Network, patterns), golden.Network.Backend);
        using var pass = new ScoreGradient(golden.Network, golden.Image, sums, fused: false);
        float[] seed = pass.Logits([golden.Pixels])[0];
        pass.Backward(seed);
        Assert.Equal(16, sums.Kept.Count);
        Assert.All(sums.Kept, kept => Assert.Equal(1, kept, ConservationCheck.Tolerance));
    }

    /// <summary>The positive rule, and how much relevance it gives to outputs without a positive contribution.</summary>
    private sealed class BiasAlone : BackwardRule, IDisposable
    {
        private readonly LrpRule _rule = new(1, 0, 0);
        private readonly SignedParts _parts = new();

        public Dictionary<string, double> Lost { get; } = [];

        public override bool Backward(IBackend on, Value y, Tensor dy, Gradients d)
        {
            if (y.Op is Convolution or Linear)
            {
                WeightedSum sum = WeightedSum.Of(y)!.Value;
                Tensor z = on.Allocate(y.Shape);
                sum.Apply(on, sum.X, _parts.Of(on, sum.W, positive: true), z);
                float[] contributions = new float[z.Shape.Count], relevance = new float[z.Shape.Count];
                on.Download(z, contributions);
                on.Download(dy, relevance);
                z.Storage.Dispose();
                if (sum.X.Op is not null)
                    Lost[y.Name] = contributions.Zip(relevance).Where(pair => pair.First == 0).Sum(pair => (double)pair.Second);
            }
            return _rule.Backward(on, y, dy, d);
        }

        public override bool RereadsInput(Value y, int input) => _rule.RereadsInput(y, input);
        public override bool RereadsOutput(Value y) => _rule.RereadsOutput(y);
        public override IEnumerable<Shape> Scratch(Value y) => _rule.Scratch(y);

        public void Dispose()
        {
            _rule.Dispose();
            _parts.Dispose();
        }
    }

    /// <summary>Another rule, and what residual sums keep under it.</summary>
    private sealed class AtSums(PatternRule rule, IBackend backend) : BackwardRule, IDisposable
    {
        public List<double> Kept { get; } = [];

        public override bool Backward(IBackend on, Value y, Tensor dy, Gradients d)
        {
            if (y.Op is not Add)
                return rule.Backward(on, y, dy, d);
            double given = Total(dy), before = d.Reached(y[1]) ? Total(d[y[1]]) : 0;
            rule.Backward(on, y, dy, d);
            Kept.Add((Total(d[y[0]]) + Total(d[y[1]]) - before) / given);
            return true;
        }

        public override bool RereadsInput(Value y, int input) => rule.RereadsInput(y, input);
        public override bool RereadsOutput(Value y) => rule.RereadsOutput(y);
        public override IEnumerable<Shape> Scratch(Value y) => rule.Scratch(y);
        public void Dispose() => rule.Dispose();

        private double Total(Tensor x)
        {
            float[] numbers = backend.Read(x);
            return numbers.Sum(r => (double)r);
        }
    }
}

public sealed class CheckTestsOnCpu(Cpu cpu) : CheckTests(cpu), IClassFixture<Cpu>;

[Collection(nameof(Gpu))]
public sealed class CheckTestsOnCuda(Gpu gpu) : CheckTests(gpu);
