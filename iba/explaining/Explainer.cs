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
using static Iba.Explaining.DeviceWorker;

namespace Iba.Explaining;

/// <summary>
/// Explains an image classifier's decisions. It is safe from any number of threads: photos that wait at the same time and ask for the same are explained in
/// one batch, shared out among the devices. A photo's result does not depend on the others (on a GPU but for rounding, because vendor libraries choose their
/// code by the batch's size), and its failure does not touch them.
/// </summary>
public sealed class Explainer : IDisposable, IAsyncDisposable
{
    private readonly Classifier _classifier;
    private readonly DeviceWorker[] _workers;
    private readonly long _mostPixels;
    private readonly BatchQueue<Key, Job, object> _queue;
    private Task? _disposal;
    private readonly Lock _lock = new();

    private Explainer(Classifier classifier, DeviceWorker[] workers, ExplainerOptions options)
    {
        (_classifier, _workers, _mostPixels) = (classifier, workers, options.MostPixels);
        _queue = new BatchQueue<Key, Job, object>(
            options.Queue, options.Batch, [.. workers.Select(worker => (BatchQueue<Key, Job, object>.Work)worker.Work)]);
    }

    /// <summary>The network, on the first device, and how photos are prepared for it. Its backend takes one caller at a time: this explainer.</summary>
    public Classifier Classifier => _classifier;

    /// <summary>The devices, each with its precision.</summary>
    public IReadOnlyList<string> Devices => [.. _workers.Select(worker => worker.Backend.Name)];

    /// <summary>Photos that are decoded, wait or are in work.</summary>
    public int Waiting => _queue.Open;

    /// <summary>Opens a network.</summary>
    /// <param name="weights">A <c>.pth</c> or <c>.safetensors</c> file with torchvision's names.</param>
    /// <param name="statistics">Feature statistics made by <c>iba estimate</c>, for the method per-sample; null if it is not used.</param>
    /// <param name="options">Everything else; null for the defaults.</param>
    /// <param name="cancellation">Ends the reading.</param>
    /// <exception cref="FileFormatException">A file is damaged or something else than is needed; the message says what to give.</exception>
    /// <exception cref="StatisticsException">The statistics are of another network, layer, image size or weights.</exception>
    /// <exception cref="ArgumentException">An option is out of its range, or devices are of different kinds.</exception>
    public static Explainer Open(FileSource weights, FileSource? statistics = null, ExplainerOptions? options = null, CancellationToken cancellation = default)
    {
        options ??= new ExplainerOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Batch, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Queue, 1);
        List<IBackend> backends = [];
        List<ReadoutNetwork> readouts = [];
        try
        {
            backends.Add(options.Device?.Invoke() ?? DeviceName.Auto.Open());
            foreach (Func<IBackend> open in options.MoreDevices)
                backends.Add(open());
            DeviceName.MustBeAlike(backends);
            using StateDict dict = StateDict.Open(weights, options.StateDict, cancellation);
            Network[] networks = [.. backends.Select(backend => NetworkBuilder.Build(dict, backend, cancel: cancellation))];
            string sha256 = dict.Sha256(cancellation);
            var classifier = new Classifier(networks[0])
            {
                Preprocessing = options.Preprocessing ?? Prepared(Catalogue.Of(dict, sha256)?.Input ?? InputTransform.ImageNet),
                WeightsSha256 = sha256,
            };
            if (options.Labels is { } labels)
                classifier = classifier with { Labels = labels.OneFor(classifier.Classes, "the labels given") };
            if (options.Readout is { } trained)
            {
                using SafetensorsFile file = SafetensorsFile.Open(trained, cancellation);
                foreach (Network network in networks)
                {
                    readouts.Add(ReadoutFile.Read(file, network.Backend));
                    readouts[^1].MustFit(network, classifier.Image, sha256);
                }
            }
            var inputs = new MethodInputs(networks[0], classifier.Image)
            {
                Statistics = statistics is null ? null : FeatureStatistics.Load(statistics, cancellation),
                Patterns = options.Patterns is { } patterns ? Patterns.Load(patterns, cancellation) : null,
                WeightsSha256 = sha256,
                // A class that is asked for is meant for every method; without one it is the predicted one.
                Class = ExplainedClass.Target,
                Batch = options.Batch,
            };
            // Statistics of another network are refused now, not with the first photo.
            inputs.Statistics?.MustBeOfLayerOf(networks[0]);
            inputs.Statistics?.MustFit(FeatureOrigin.Of(networks[0], inputs.Statistics.Origin.Layer, classifier.Image, sha256));
            return new Explainer(classifier, [.. networks.Select(Worker)], options);

            DeviceWorker Worker(Network network, int device)
            {
                ReadoutNetwork? readout = readouts.ElementAtOrDefault(device);
                MethodInputs here = inputs with
                {
                    Network = network,
                    Readout = readout is null ? null : from => new ReadoutBottleneck(from.Network, readout, from.Image, from.Batch, from.WeightsSha256),
                };
                return new DeviceWorker(classifier, here, readout, options.KeepsMasks);
            }
        }
        catch
        {
            readouts.ForEach(readout => readout.Dispose());
            backends.ForEach(backend => backend.Dispose());
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
            foreach (DeviceWorker worker in _workers)
                worker.Dispose();
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

    /// <summary>The preparation that publishers of weights use.</summary>
    internal static Preprocessing Prepared(InputTransform input) => new()
    {
        Crop = input.Crop,
        Resize = input.Resize,
        Mean = new PerChannel(input.Mean[0], input.Mean[1], input.Mean[2]),
        Std = new PerChannel(input.Std[0], input.Std[1], input.Std[2]),
    };
}
