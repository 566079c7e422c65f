using Iba;
using Iba.Backpropagation;
using Iba.Bottleneck;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;
using Iba.Engine.Training;
using Iba.Methods;
using Xunit;

namespace Tests.Attribution;

/// <summary>Methods with settings, as tables and ledgers name them.</summary>
public sealed class MethodVariantTests : IDisposable
{
    private readonly CpuBackend _backend = new();
    private readonly MethodInputs _inputs;

    public MethodVariantTests() => _inputs = new MethodInputs(
        ResNet.ResNet50.Build(_backend, new FreshParameters(_backend, new NetworkWidth(16, 8, 10), seed: 1)), new Shape(1, 32, 32, 3));

    public void Dispose() => _backend.Dispose();

    [Fact]
    public void Settings_follow_the_method_in_its_own_order()
    {
        MethodVariant variant = MethodVariant.Parse("per-sample:steps=20:beta=0.5:spread=relu-rms");
        Assert.Equal("per-sample:beta=0.5:steps=20:spread=relu-rms", variant.Name);
        Assert.Equal("IBA Per-Sample (β = 0.5, steps = 20, spread = relu-rms)", variant.Title);
        Assert.Equal(new BottleneckSettings { Beta = 0.5f, Steps = 20, Spread = Spread.ReluRms }, variant.Apply(_inputs).Bottleneck);
        Assert.Equal(Baseline.Zero, MethodVariant.Parse("occlusion-8:fill=zero").Apply(_inputs).Baseline);
        Assert.True(MethodVariant.Parse("gradient:as-published").Apply(_inputs).AsPublished);
        Assert.Equal(ExplainedClass.Predicted, MethodVariant.Parse("grad-cam:explain=predicted").Apply(_inputs).Class);
        Assert.Equal(7ul, MethodVariant.Parse("random : seed = 7").Apply(_inputs).Seed);
    }

    [Theory]
    [InlineData("perfect", "there is no method 'perfect'")]
    [InlineData("per-sample:gamma=1", "no setting 'gamma'. It has: layer, beta, learning-rate")]
    [InlineData("saliency:beta=1", "no setting 'beta'. It has none")]
    [InlineData("per-sample:beta=1:beta=2", "gives beta twice")]
    [InlineData("per-sample:beta=0,5", "beta is '0,5'; it must be a number with a decimal point")]
    [InlineData("per-sample:beta=-1", "beta is -1")]
    [InlineData("per-sample:steps=2.5", "steps is '2.5'; it must be a whole number")]
    [InlineData("per-sample:beta", "beta is ''")]
    [InlineData("occlusion-8:fill=grey", "fill is 'grey'; it must be mean or zero")]
    [InlineData("smoothgrad:noise-samples=0", "noise-samples is '0'")]
    public void Mistakes_are_named_with_what_would_be_right(string text, string reason) =>
        Assert.Contains(reason, Assert.Throws<ArgumentException>(() => MethodVariant.Parse(text).Apply(_inputs)).Message);

    /// <summary>What a ledger says of a method holds every setting, and reading it back changes nothing.</summary>
    [Fact]
    public void Every_setting_of_every_method_reads_what_it_writes()
    {
        foreach (MethodKind kind in AttributionMethods.All)
        {
            foreach (MethodSetting setting in kind.Settings)
            {
                string value = setting.Read(_inputs);
                Assert.Equal(value, setting.Read(new MethodVariant(kind, (setting, value)).Apply(_inputs)));
            }
        }
    }

    [Fact]
    public void The_papers_columns_are_those_of_its_table_1()
    {
        Assert.Equal(17, PaperColumns.Of("vgg16").Count);
        Assert.Equal(14, PaperColumns.Of("resnet50").Count);
        Assert.Contains("per-sample:beta=100:spread=relu-rms", PaperColumns.Of("resnet50").Select(variant => variant.Name));
        Assert.Contains("per-sample:beta=100", PaperColumns.Of("vgg16").Select(variant => variant.Name));
    }
}
