using System.CommandLine;
using System.CommandLine.Parsing;
using System.Net;
using Iba.Engine;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cuda;
using Iba.Engine.Files;
using Iba.Explaining;
using Iba.Labels;

namespace Iba.Service;

/// <summary><c>iba-serve</c>: the command line of the service.</summary>
internal static class ServeCommand
{
    /// <summary>The exit code of a command line that cannot be run.</summary>
    public const int WrongUsage = 2;

    private const int Failed = 1, NoSuchDevice = 3;

    public static RootCommand Create()
    {
        var usual = new ServiceSettings();
        var weights = new Option<string?>("--weights")
        {
            Description = "A .pth or .safetensors file with torchvision's keys. Default: a demo network that comes with the program.",
            HelpName = "FILE",
        };
        var statistics = new Option<string?>("--statistics") { Description = "Made by iba estimate, for the method per-sample.", HelpName = "FILE" };
        var readout = new Option<string?>("--readout") { Description = "Made by iba readout train, for the method readout.", HelpName = "FILE" };
        var labels = new Option<string?>("--labels")
        {
            Description = "A text file with one class name per line. Default: ImageNet's names for 1000 classes, numbers otherwise.",
            HelpName = "FILE",
        };
        var device = new Option<string>("--device")
        {
            Description = "auto, cpu, cuda, cuda:N, or several GPUs of one kind, such as cuda:0,1: a worker each.",
            DefaultValueFactory = _ => "auto",
        };
        var memory = new Option<string?>("--gpu-memory") { Description = DeviceName.LimitHelp, HelpName = "SIZE" };
        var listen = new Option<string>("--listen")
        {
            Description = "Address and port. Other addresses than this machine's own (127.0.0.1, [::1]) need an API key. "
                + $"Default: the environment variable IBA_LISTEN, or else {usual.Listen}.",
            DefaultValueFactory = _ => Environment.GetEnvironmentVariable("IBA_LISTEN") is { Length: > 0 } given ? given : $"{usual.Listen}",
            HelpName = "ADDRESS:PORT",
        };
        var keyFile = new Option<string?>("--key-file")
        {
            Description = "A file with the API key in its first line. Default: the environment variable IBA_KEY, or else no key.",
            HelpName = "FILE",
        };
        var mostBytes = Whole("--most-bytes", "Bytes of a photo's file at most.", (int)usual.MostBytes, 1 << 30);
        var mostPixels = Whole("--most-pixels", "Pixels of a photo at most.", (int)usual.MostPixels, 178_956_970);
        var seconds = Whole("--seconds", "Time for a photo to arrive and to be explained.", (int)usual.Time.TotalSeconds, 86400);
        var queue = Whole("--queue", "Photos that wait or are in work at most; others are refused with 429.", usual.Queue, 65536);
        var batch = Whole("--batch", "Photos that are explained together at most.", usual.Batch, 4096);
        var command = new RootCommand("Attribution of image classifiers over HTTP: POST a photo to /explain. The API is described at /openapi.json.")
        {
            weights, statistics, readout, labels, device, memory, listen, keyFile, mostBytes, mostPixels, seconds, queue, batch,
        };
        command.SetAction((parsed, cancellation) => Run(() =>
        {
            ServiceSettings settings = usual with
            {
                Listen = IPEndPoint.TryParse(parsed.GetValue(listen)!, out IPEndPoint? address) ? address
                    : throw new ArgumentException($"--listen {parsed.GetValue(listen)}: it must be an address and a port, such as 127.0.0.1:8080."),
                Key = ApiKey.Find(parsed.GetValue(keyFile), Environment.GetEnvironmentVariable("IBA_KEY")),
                MostBytes = parsed.GetValue(mostBytes),
                MostPixels = parsed.GetValue(mostPixels),
                Time = TimeSpan.FromSeconds(parsed.GetValue(seconds)),
                Queue = parsed.GetValue(queue),
                Batch = parsed.GetValue(batch),
            };
            settings.Check();
            List<string> notes = [];
            Func<IBackend>[] devices = Devices(parsed.GetValue(device)!, parsed.GetValue(memory), notes.Add);
            ExplainerOptions options = settings.Explaining with
            {
                Device = devices[0],
                MoreDevices = devices[1..],
                Readout = parsed.GetValue(readout) is { } trained ? FileSource.OfPath(trained) : null,
                Labels = parsed.GetValue(labels) is { } file ? ClassLabels.Read(file) : null,
            };
            Explainer explainer = parsed.GetValue(weights) is { } path
                ? Explainer.Open(path, parsed.GetValue(statistics) is { } known ? FileSource.OfPath(known) : null, options, cancellation)
                : Explainer.OpenDemo(options: options);
            return (explainer, settings with { Notes = notes });
        }, cancellation));
        return command;
    }

    /// <summary>What opens the devices of a name, each with the bound of its memory.</summary>
    private static Func<IBackend>[] Devices(string names, string? memory, Action<string> say)
    {
        try
        {
            MemoryLimit? most = memory is null ? null : DeviceName.Limit(memory, names);
            return [.. DeviceName.FindAll(names).Select(name => (Func<IBackend>)(() => name.Open(say, most)))];
        }
        catch (ArgumentException mistake)
        {
            throw new ArgumentException($"--{mistake.Message}", mistake);
        }
    }

    /// <summary>Serves until the process is told to stop, then finishes what was taken.</summary>
    private static async Task<int> Run(Func<(Explainer Explainer, ServiceSettings Settings)> open, CancellationToken cancellation)
    {
        try
        {
            (Explainer explainer, ServiceSettings settings) = open();
            await using (explainer.ConfigureAwait(false))
            {
                await using HttpService service = HttpService.Create(explainer, settings);
                await service.Run(cancellation).ConfigureAwait(false);
            }
            return 0;
        }
        catch (Exception failure) when (failure is IbaException or ArgumentException or IOException or UnauthorizedAccessException or InvalidDataException)
        {
            Console.Error.WriteLine($"iba-serve: {failure.Message}");
            return failure switch { ArgumentException => WrongUsage, NoCudaException => NoSuchDevice, _ => Failed };
        }
    }

    /// <summary>An option with a whole number from 1 to a bound.</summary>
    private static Option<int> Whole(string name, string description, int usual, int most) => new(name)
    {
        Description = description,
        DefaultValueFactory = _ => usual,
        Validators =
        {
            (OptionResult given) =>
            {
                if (given.Tokens is [var token] && (!int.TryParse(token.Value, out int value) || value < 1 || value > most))
                    given.AddError($"{name} {token.Value}: it must be a whole number from 1 to {most}.");
            },
        },
    };
}
