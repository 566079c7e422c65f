using CsCheck;
using Iba.Engine.Backends;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;
using Tests.Textbook;
using Elementwise = Tests.Textbook.ElementwiseTextbook;
using Pooling = Tests.Textbook.PoolingTextbook;
using Reduction = Tests.Textbook.ReductionTextbook;
using Resampling = Tests.Textbook.ResamplingTextbook;

namespace Tests.Engine;

/// <summary>Every op of engine/ops but the matrix products, with its textbook version and random inputs.</summary>
public sealed class OpCases
{
    private const ulong Seed = 0x0123456789ABCDEF;

    private readonly Draw _draw;
    private readonly Dictionary<string, Gen<OpCase>> _cases;

    /// <param name="draw">How large the inputs are.</param>
    public OpCases(Draw draw)
    {
        _draw = draw;
        _cases = new()
        {
            ["Add"] = Pairs((x, y) => new([x, y], 2, v => v[0] + v[1], e => Elementwise.Add(e[0], e[1]))),
            ["Add to itself"] = Single(-2, 2, x => new([x], 1, v => v[0] + v[0], e => Elementwise.Add(e[0], e[0]))),
            ["Multiply"] = Pairs((x, y) => new([x, y], 2, v => v[0] * v[1], e => Elementwise.Multiply(e[0], e[1]))),
            ["Multiply by itself"] = Single(-2, 2, x => new([x], 1, v => v[0] * v[0], e => Elementwise.Multiply(e[0], e[0]))),
            ["Multiply by a constant"] = Pairs((x, y) => new([x, y], 1, v => v[0] * v[1], e => Elementwise.Multiply(e[0], e[1]))),
            ["Scale"] = Single(-2, 2, x => new([x], 1, v => v[0] * -1.75f, e => Elementwise.Scale(e[0], -1.75))),
            // Not above 4: y (1 - y) of a float y near 1 has lost digits, and the tensor may contain no larger slope to compare it with.
            ["Sigmoid"] = Single(-9, 4, x => new([x], 1, v => v[0].Sigmoid(), e => Elementwise.Sigmoid(e[0]))),
            ["Log"] = Single(0.01f, 9, x => new([x], 1, v => v[0].Log(), e => Elementwise.Log(e[0]))),
            ["Relu"] = Kinked(x => new([x], 1, v => v[0].Relu(), e => Elementwise.Relu(e[0])), 0),
            ["Clamp"] = Kinked(x => new([x], 1, v => v[0].Clamp(-0.5f, 1.25f), e => Elementwise.Clamp(e[0], -0.5, 1.25)), -0.5f, 1.25f),
            ["Sum"] = Single(-2, 2, x => new([x], 1, v => v[0].Sum(), e => Reduction.Sum(e[0], 1, 1))),
            ["MeanRows"] = Single(-2, 2, x => new([x], 1, v => v[0].MeanRows(), e => Reduction.Sum(e[0], x.Shape.N, 1.0 / x.Shape.Row))),
            ["MeanRuns"] = Runs(),
            ["MaxPool"] = MaxPools(),
            ["Subsample"] = Sized((x, stride, _) => new([x], 1, v => v[0].Subsample(stride), e => Pooling.Subsample(e[0], stride))),
            ["Subsample beside its input"] = Sized((x, stride, _) => new([x], 1,
                v => (v[0].Subsample(stride).Sum() + v[0].Sum()).Sum(),
                e => Elementwise.Add(Reduction.Sum(Pooling.Subsample(e[0], stride), 1, 1), Reduction.Sum(e[0], 1, 1)))),
            ["AdaptiveAveragePool"] = Sized((x, h, w) =>
                new([x], 1, v => v[0].AdaptiveAveragePool(h, w), e => Pooling.AdaptiveAveragePool(e[0], h, w))),
            ["Resize, half-pixel corners"] = Resizes(Corners.HalfPixel),
            ["Resize, mirrored"] = Resizes(Corners.Mirrored),
            ["Resize, aligned corners"] = Resizes(Corners.Aligned),
            ["Blur"] = Blurs(),
            ["CrossEntropy"] = CrossEntropies(),
            ["Information"] = Informations(),
            ["Restrict"] = Restrictions(clamp: false, recorded: false),
            ["Restrict, clamped"] = Restrictions(clamp: true, recorded: false),
            ["Restrict, recorded noise"] = Restrictions(clamp: true, recorded: true),
        };
    }

    public IEnumerable<string> Names => _cases.Keys;

    public Gen<OpCase> this[string name] => _cases[name];

    private Gen<OpCase> Single(float low, float high, Func<Exact, OpCase> op) =>
        _draw.Images().SelectMany(s => Draw.Numbers(s, low, high)).Select(op);

    private Gen<OpCase> Kinked(Func<Exact, OpCase> op, params float[] kinks) =>
        _draw.Images().SelectMany(s => Draw.Smooth(s, -2, 2, kinks)).Select(op);

    private Gen<OpCase> Pairs(Func<Exact, Exact, OpCase> op) =>
        _draw.Images().SelectMany(s => Gen.Select(Draw.Numbers(s, -2, 2), Draw.Numbers(s, -2, 2))).Select(op);

    private Gen<OpCase> Sized(Func<Exact, int, int, OpCase> op) =>
        Gen.Select(_draw.Images().SelectMany(s => Draw.Numbers(s, -2, 2)), Gen.Int[1, 9], Gen.Int[1, 9]).Select(op);

    private Gen<OpCase> Runs() =>
        Gen.Select(_draw.Images(), Gen.Int[1, 4]).SelectMany((s, copies) => Draw.Numbers(s.WithN(s.N * copies), -2, 2)
            .Select(x => new OpCase([x], 1, v => v[0].MeanRuns(s.N), e => Reduction.Sum(e[0], s.N, 1.0 / (copies * s.Row)))));

    private Gen<OpCase> MaxPools() =>
        Gen.Select(Gen.Int[1, 4], Gen.Int[1, 3], Gen.Int[0, 2]).SelectMany((kernel, stride, padding) =>
        {
            var geometry = new ConvGeometry(kernel, stride, Math.Min(padding, kernel / 2));
            return _draw.Images(kernel).SelectMany(Draw.Distinct)
                .Select(x => new OpCase([x], 1, v => v[0].MaxPool(geometry), e => Pooling.MaxPool(e[0], geometry)));
        });

    private Gen<OpCase> Resizes(Corners corners) =>
        Sized((x, h, w) => new([x], 1, v => v[0].Resize(h, w, corners), e => Resampling.Resize(e[0], h, w, corners)));

    /// <summary>Any symmetric taps; borders as near to each other as the op allows.</summary>
    private Gen<OpCase> Blurs() =>
        Gen.Int[0, 2].SelectMany(radius => _draw.Images(radius + 1).SelectMany(s =>
            Gen.Select(Draw.Numbers(s, -2, 2), Draw.Numbers(new Shape(radius + 1), 0.1f, 1)).Select((x, half) =>
            {
                Exact taps = new Exact(new Shape(2 * radius + 1)).Like(i => half[Math.Abs(i - radius)]);
                return new OpCase([x, taps], 1, v => v[0].Blur(v[1]), e => Resampling.Blur(e[0], e[1]));
            })));

    private Gen<OpCase> CrossEntropies() =>
        _draw.Rows.SelectMany(s => Gen.Select(Draw.Numbers(s, -5, 5), Draw.Targets(s)).Select((x, targets) =>
            new OpCase([x, targets], 1, v => v[0].CrossEntropy(v[1]), e => Reduction.CrossEntropy(e[0], e[1]))));

    private Gen<OpCase> Informations() =>
        _draw.Images().SelectMany(s => Gen.Select(Draw.Numbers(s, 0.01f, 0.99f), Draw.Numbers(s, -3, 3), Draw.Flags(s.WithN(1)))
            .Select((λ, r, active) =>
                new OpCase([λ, r, active], 1, v => v[1].Information(v[0], v[2]), e => BottleneckTextbook.Information(e[1], e[0], e[2]))));

    /// <summary>λ first, since only λ takes a gradient. A neuron with a copy near the kink of the clamp is made inactive.</summary>
    private Gen<OpCase> Restrictions(bool clamp, bool recorded) =>
        Gen.Select(_draw.Images(), Gen.Int[1, 3], Gen.Int[0, 9]).SelectMany((s, copies, step) =>
        {
            Shape one = s.WithN(1);
            float[] words = [.. Enumerable.Range(0, s.N).Select(i => 100f * i + 7)];
            Gen<(Exact, Exact, Exact)> statistics = Gen.Select(Draw.Numbers(one, -1, 1), Draw.Numbers(one, 0.1f, 2), Draw.Flags(one));
            Gen<Exact> noise = Draw.Numbers(s.WithN(s.N * copies), -2, 2);
            return Gen.Select(Draw.Numbers(s, 0, 1), Draw.Numbers(s, -3, 3), statistics, noise).Select((λ, x, known, drawn) =>
            {
                (Exact mean, Exact std, Exact active) = known;
                Exact ε = recorded ? drawn : NoiseTextbook.Normals(Seed, s, [.. words.Select(word => (uint)word)], copies, (uint)step);
                Exact z = BottleneckTextbook.Restrict(x, λ, mean, std, active, ε, clamp: false);
                active = active.Like(i => Enumerable.Range(0, z.Shape.N).Any(n => Math.Abs(z[n * s.Row + i]) < 0.01) ? 0 : active[i]);

                var op = new Restrict(copies, Seed, clamp, recorded);
                return new OpCase(
                    [λ, x, mean, std, active, new(new Shape(s.N), words), new(new Shape(1), [(float)step]), drawn], 1,
                    v => v[1].Restrict(v[0], (v[2], v[3], v[4]), v[5], v[6], op, recorded ? v[7] : null),
                    e => BottleneckTextbook.Restrict(e[1], e[0], e[2], e[3], e[4], ε, clamp));
            });
        });
}
