using System.Text;
using Iba.Bottleneck;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cuda;
using Iba.Engine.Files;
using Iba.Engine.Networks;
using Iba.Images;
using Iba.Labels;
using Iba.Methods;
using Iba.Relevance;
using Iba.Statistics;
using Iba.Weights;

namespace Iba.Explaining;

/// <summary>
/// Explains an image classifier's decisions. It is safe from any number of threads: photos that wait at the same time and ask for the same are explained in
/// one batch on the one device. A photo's result does not depend on the others (on a GPU but for rounding, because vendor libraries choose their
/// code by the batch's size), and its failure does not touch them.
/// </summary>
public sealed class Explainer : IDisposable, IAsyncDisposable
{
    /// <summary>Methods whose recordings are kept: each takes memory on the device.</summary>
    private const int MostMethods = 4;

    private readonly Classifier _classifier;
    private readonly MethodInputs _inputs;
    private readonly ReadoutNetwork? _readout;
    private readonly bool _keepsMasks;
    private readonly long _mostPixels;
    private readonly BatchQueue<Key, Job, object> _queue;
    private readonly List<Made> _methods = [];
    private Task? _disposal;
    private readonly Lock _lock = new();

    private Explainer(Classifier classifier, MethodInputs inputs, ReadoutNetwork? readout, ExplainerOptions options)
    {
        (_classifier, _inputs, _readout, _keepsMasks, _mostPixels) = (classifier, inputs, readout, options.KeepsMasks, options.MostPixels);
        _queue = new BatchQueue<Key, Job, object>(options.Queue, options.Batch, Work);
    }

    /// <summary>The network and how photos are prepared for it. Its backend takes one caller at a time: this explainer.</summary>
    public Classifier Classifier => _classifier;

    /// <summary>Photos that are decoded, wait or are in work.</summary>
    public int Waiting => _queue.Open;

    /// <summary>Opens a network.</summary>
    /// <param name="weights">A <c>.pth</c> or <c>.safetensors</c> file with torchvision's names.</param>
    /// <param name="statistics">Feature statistics made by <c>iba estimate</c>, for the method per-sample; null if it is not used.</param>
    /// <param name="options">Everything else; null for the defaults.</param>
    /// <param name="cancellation">Ends the reading.</param>
    /// <exception cref="FileFormatException">A file is damaged or something else than is needed; the message says what to give.</exception>
    /// <exception cref="StatisticsException">The statistics are of another network, layer, image size or weights.</exception>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    public static Explainer Open(FileSource weights, FileSource? statistics = null, ExplainerOptions? options = null, CancellationToken cancellation = default)
    {
        options ??= new ExplainerOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Batch, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Queue, 1);
        IBackend backend = options.Device?.Invoke() ?? DeviceName.Auto.Open();
        ReadoutNetwork? readout = null;
        try
        {
            using StateDict dict = StateDict.Open(weights, options.StateDict, cancellation);
            Network network = NetworkBuilder.Build(dict, backend, cancel: cancellation);
            string sha256 = dict.Sha256(cancellation);
            var classifier = new Classifier(network)
            {
                Preprocessing = options.Preprocessing ?? Prepared(Catalogue.Of(dict, sha256)?.Input ?? InputTransform.ImageNet),
                WeightsSha256 = sha256,
            };
            if (options.Labels is { } labels)
                classifier = classifier with { Labels = labels.OneFor(classifier.Classes, "the labels given") };
            if (options.Readout is { } trained)
                (readout = ReadoutFile.Read(trained, backend)).MustFit(network, classifier.Image, sha256);
            var inputs = new MethodInputs(network, classifier.Image)
            {
                Statistics = statistics is null ? null : FeatureStatistics.Load(statistics, cancellation),
                Patterns = options.Patterns is { } patterns ? Patterns.Load(patterns, cancellation) : null,
                Readout = readout is null ? null : from => new ReadoutBottleneck(from.Network, readout, from.Image, from.Batch, from.WeightsSha256),
                WeightsSha256 = sha256,
                // A class that is asked for is meant for every method; without one it is the predicted one.
                Class = ExplainedClass.Target,
                Batch = options.Batch,
            };
            // Statistics of another network are refused now, not with the first photo.
            inputs.Statistics?.MustBeOfLayerOf(network);
            inputs.Statistics?.MustFit(FeatureOrigin.Of(network, inputs.Statistics.Origin.Layer, classifier.Image, sha256));
            return new Explainer(classifier, inputs, readout, options);
        }
        catch
        {
            readout?.Dispose();
            backend.Dispose();
            throw;
        }
    }

    /// <summary>Opens one of the networks that come with the library, which classify drawn shapes.</summary>
    /// <param name="network">One of <see cref="Demo.Networks"/>.</param>
    /// <param name="options">Everything else; null for the defaults.</param>
    /// <exception cref="ArgumentException">There is no such network.</exception>
    public static Explainer OpenDemo(string network = "demo-resnet50", ExplainerOptions? options = null)
    {
        if (!Demo.Networks.Contains(network))
            throw new ArgumentException($"'{network}' does not come with the library. There are: {string.Join(", ", Demo.Networks)}.", nameof(network));
        options ??= new ExplainerOptions();
        return Open(FileSource.Of(Demo.Bytes(Demo.Weights(network)), network), FileSource.Of(Demo.Bytes(Demo.Statistics(network)), $"{network}'s statistics"),
            options with { Labels = options.Labels ?? ClassLabels.OfText(Encoding.UTF8.GetString(Demo.Bytes(Demo.Classes)), Demo.Classes) });
    }

    /// <summary>Explains a photo and waits for the result.</summary>
    /// <inheritdoc cref="ExplainAsync(FileSource, ExplainerRequest?, CancellationToken)"/>
    public PhotoExplanation Explain(FileSource photo, ExplainerRequest? request = null, CancellationToken cancellation = default) =>
        ExplainAsync(photo, request, cancellation).GetAwaiter().GetResult();

    /// <summary>Explains pixels and waits for the result.</summary>
    /// <inheritdoc cref="ExplainAsync(Photo, ExplainerRequest?, CancellationToken)"/>
    public PhotoExplanation Explain(Photo photo, ExplainerRequest? request = null, CancellationToken cancellation = default) =>
        ExplainAsync(photo, request, cancellation).GetAwaiter().GetResult();

    /// <summary>Explains a photo. It is decoded on a thread of the pool, and explained with others that wait and ask for the same.</summary>
    /// <param name="photo">A JPEG, PNG, WebP, BMP or GIF: a path, bytes or a stream.</param>
    /// <param name="request">Method and class; null for the per-sample bottleneck and the predicted class.</param>
    /// <param name="cancellation">Takes the photo out, whether it waits or is in work.</param>
    /// <exception cref="ImageTooLargeException">It has more pixels than are taken.</exception>
    /// <exception cref="ImageException">The file cannot be read, or is not a photo.</exception>
    /// <exception cref="ArgumentException">There is no such method, setting or class, or the method needs something that was not given, or does not take the
    /// loss.</exception>
    /// <exception cref="NonFiniteException">A number of the result is not finite.</exception>
    /// <exception cref="DeviceMemoryException">Not even one photo fits the device's memory.</exception>
    /// <exception cref="CudaException">The GPU failed. After a <see cref="DeviceLostException"/> open another explainer.</exception>
    /// <exception cref="ObjectDisposedException">The explainer is disposed.</exception>
    /// <exception cref="OperationCanceledException">The photo was taken out.</exception>
    public Task<PhotoExplanation> ExplainAsync(FileSource photo, ExplainerRequest? request = null, CancellationToken cancellation = default) =>
        Explained(request, cancel => Read(photo, cancel), cancellation);

    /// <summary>Explains pixels.</summary>
    /// <inheritdoc cref="ExplainAsync(FileSource, ExplainerRequest?, CancellationToken)" path="/exception|/returns|/remarks"/>
    /// <param name="photo">8-bit RGB of any size; resized and cropped like a file's.</param>
    /// <param name="request">Method and class; null for the per-sample bottleneck and the predicted class.</param>
    /// <param name="cancellation">Takes the photo out, whether it waits or is in work.</param>
    public Task<PhotoExplanation> ExplainAsync(Photo photo, ExplainerRequest? request = null, CancellationToken cancellation = default) =>
        Explained(request, _ => new ReadPhoto(_classifier.Preprocessing.Apply(photo), photo.Source, ""), cancellation);

    /// <summary>
    /// Runs a photo through the network with a given mask: Z = λ R + (1 - λ) ε replaces the features R of the bottleneck's layer (paper, section 3.1).
    /// </summary>
    /// <param name="photo">The photo: that of the mask, or another one.</param>
    /// <param name="mask">H x W x C elements λ, such as <see cref="BottleneckExplanation.Mask"/>.</param>
    /// <param name="method">The bottleneck that the mask is of.</param>
    /// <param name="copies">Noise samples.</param>
    /// <param name="cancellation">Takes the photo out.</param>
    /// <exception cref="ArgumentException">The method is not a bottleneck, or the mask has another size or values out of range.</exception>
    public async Task<RestrictedOutput> RestrictFlowAsync(
        FileSource photo, float[] mask, string method = "per-sample", int copies = 10, CancellationToken cancellation = default)
    {
        MethodVariant variant = MethodVariant.Parse(method);
        object output = await _queue.Run(new Key(variant.Name, LogitLoss.CrossEntropy), cancel =>
        {
            ReadPhoto prepared = Read(photo, cancel);
            return new Job(variant, prepared, Sample(prepared, null), mask, copies);
        }, cancellation).ConfigureAwait(false);
        return (RestrictedOutput)output;
    }

    /// <summary>Takes no further photo, waits until those that were taken have their results, and frees the device.</summary>
    public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();

    /// <inheritdoc cref="Dispose"/>
    public ValueTask DisposeAsync()
    {
        lock (_lock)
            return new ValueTask(_disposal ??= Free());

        async Task Free()
        {
            await _queue.DisposeAsync().ConfigureAwait(false);
            try
            {
                Forget(0);
                _readout?.Dispose();
            }
            finally
            {
                _classifier.Network.Backend.Dispose();
            }
        }
    }

    private async Task<PhotoExplanation> Explained(ExplainerRequest? request, Func<CancellationToken, ReadPhoto> prepare, CancellationToken cancellation)
    {
        request ??= new ExplainerRequest();
        MethodVariant variant = MethodVariant.Parse(request.Method);
        (int? target, LogitLoss loss) = Question.Parse(request.Target, request.MarginTo, _classifier.Labels, _classifier.Classes);
        if (request.Loss is { } given)
            loss = loss.IsCrossEntropy ? given : throw new ArgumentException($"the request asks for the losses '{loss}' and '{given}'. Give one of them.");
        object result = await _queue.Run(new Key(variant.Name, loss), cancel =>
        {
            ReadPhoto prepared = prepare(cancel);
            return new Job(variant, prepared, Sample(prepared, target), null, 0);
        }, cancellation).ConfigureAwait(false);
        return (PhotoExplanation)result;
    }

    private ReadPhoto Read(FileSource photo, CancellationToken cancellation)
    {
        PhotoFile file = PhotoFile.Open(photo, cancellation);
        if ((long)file.Width * file.Height > _mostPixels)
            throw file.Refused($"are more than the {_mostPixels} that are taken");
        return new ReadPhoto(_classifier.Preprocessing.Apply(file, _classifier.Rotate, cancellation), Path.GetFileName(photo.Name), file.Sha256);
    }

    private Sample Sample(ReadPhoto photo, int? target) => new(photo.Input.Values, target) { Preprocessing = _classifier.Preprocessing };

    /// <summary>Explains or restricts the photos of a batch. The queue calls it from one thread at a time.</summary>
    private IEnumerable<(object? Result, Exception? Failure)> Work(Key key, IReadOnlyList<Job> jobs, CancellationToken cancellation)
    {
        (_, MethodKind kind, MethodInputs inputs, IAttributionMethod method, ResultFacts facts) = Get(key, jobs[0].Variant);
        for (int next = 0; next < jobs.Count;)
        {
            if (jobs[next].Mask is { } mask)
            {
                Job job = jobs[next++];
                cancellation.ThrowIfCancellationRequested();
                using RestrictedNetwork restricted = method is IBottleneck bottleneck ? bottleneck.Restricted(job.Copies)
                    : throw new ArgumentException($"{method.Name} is no bottleneck: give per-sample or readout.", nameof(key));
                yield return (restricted.Run(job.Sample, mask), null);
                continue;
            }
            Job[] some = [.. jobs.Skip(next).TakeWhile(job => job.Mask is null)];
            using IEnumerator<Outcome> outcomes = method.Explain([.. some.Select(job => job.Sample)], null, cancellation).GetEnumerator();
            while (Next(outcomes))
            {
                Outcome outcome = outcomes.Current;
                ReadPhoto photo = some[outcome.Sample].Photo;
                yield return outcome.Explanation is { } explanation
                    ? (new PhotoExplanation(
                        explanation, photo.Input, _classifier, kind, inputs, photo.Name, facts.Of(photo.Name, photo.Sha256, explanation)), null)
                    : (null, outcome.Failure);
            }
            next += some.Length;
        }
    }

    /// <summary>The next result. Where memory does not suffice, the other methods' recordings are freed: the queue then tries the photos again.</summary>
    private bool Next(IEnumerator<Outcome> outcomes)
    {
        try
        {
            return outcomes.MoveNext();
        }
        catch (DeviceMemoryException)
        {
            Forget(1);
            throw;
        }
    }

    /// <summary>A method, created on first use. The least recently used one makes room for it.</summary>
    private Made Get(Key key, MethodVariant variant)
    {
        Made made = _methods.Find(each => each.Key == key) ?? Make(key, variant);
        _methods.Remove(made);
        _methods.Insert(0, made);
        Forget(MostMethods);
        return made;
    }

    private Made Make(Key key, MethodVariant variant)
    {
        MethodInputs inputs = variant.Apply(_inputs with { Loss = key.Loss });
        if (variant.Kind.Needs == MethodNeeds.Readout && _readout is not null)
            inputs = inputs with { Statistics = _readout.Statistics.First, Bottleneck = _readout.Settings.Bottleneck };
        IAttributionMethod method = variant.Kind.Create(inputs);
        if (method is IBottleneck bottleneck)
            bottleneck.KeepsMask = _keepsMasks;
        return new Made(key, variant.Kind, inputs, method, new ResultFacts(_classifier, inputs, variant.Kind));
    }

    /// <summary>Frees all but the most recently used methods.</summary>
    private void Forget(int most)
    {
        for (; _methods.Count > most; _methods.RemoveAt(_methods.Count - 1))
            _methods[^1].Method.Dispose();
    }

    /// <summary>The preparation that publishers of weights use.</summary>
    internal static Preprocessing Prepared(InputTransform input) => new()
    {
        Crop = input.Crop,
        Resize = input.Resize,
        Mean = new PerChannel(input.Mean[0], input.Mean[1], input.Mean[2]),
        Std = new PerChannel(input.Std[0], input.Std[1], input.Std[2]),
    };

    /// <summary>What photos of one batch share.</summary>
    /// <param name="Method">The method with its settings.</param>
    /// <param name="Loss">The loss that it explains.</param>
    private readonly record struct Key(string Method, LogitLoss Loss);

    /// <summary>A method, and what it was created from.</summary>
    private sealed record Made(Key Key, MethodKind Kind, MethodInputs Inputs, IAttributionMethod Method, ResultFacts Facts);

    /// <summary>A photo that is ready for the network.</summary>
    private sealed record ReadPhoto(NetworkInput Input, string Name, string Sha256);

    /// <summary>A photo in the queue.</summary>
    /// <param name="Variant">The method.</param>
    /// <param name="Photo">The prepared photo.</param>
    /// <param name="Sample">The same in the form that methods take.</param>
    /// <param name="Mask">λ, where the photo is to be restricted; null where it is to be explained.</param>
    /// <param name="Copies">Noise samples of a restricted photo.</param>
    private sealed record Job(MethodVariant Variant, ReadPhoto Photo, Sample Sample, float[]? Mask, int Copies);
}
