using System.CommandLine;
using System.Text.Json;
using Iba.Datasets;
using Iba.Engine.Autograd;
using Iba.Engine.Networks;
using Iba.Images;

namespace Iba.Cli;

/// <summary><c>iba predict</c>: the classes of photos.</summary>
internal static class PredictCommand
{
    public static Command Create()
    {
        var images = Validators.Photos(NamedPhotos.Words, ArgumentArity.OneOrMore);
        var top = new Option<int>("--top")
        {
            Description = "Number of classes to show, most probable first.",
            DefaultValueFactory = _ => 5,
            CustomParser = Number.AtLeast(1).Parse,
        };
        Option<bool> json = CommonOptions.Json();
        var networkOptions = new NetworkOptions();
        var command = new Command("predict", "Classify photos.") { images, top, json };
        networkOptions.AddTo(command);
        command.SetAction(parsed =>
        {
            PhotoSet photos = NamedPhotos.Some(parsed.GetValue(images)!, parsed.GetValue(json));
            using LoadedNetwork loaded = networkOptions.Load(parsed);
            return (int)photos.Outcome(Run(loaded, [.. photos.Files.Select(file => file.Path)], parsed.GetValue(top), parsed.GetValue(json)));
        });
        return command;
    }

    private static ExitCode Run(LoadedNetwork loaded, string[] images, int top, bool json)
    {
        using var inference = new Inference(loaded.Network, loaded.Image);
        int failed = 0;
        foreach (string image in images)
        {
            Interrupt.Token.ThrowIfCancellationRequested();
            try
            {
                float[] logits = inference.Run(loaded.Read(image).Input.Values);
                NonFiniteException.ThrowIfIn(logits, 0);
                (string device, string precision) = (loaded.Arithmetic.Device, loaded.Arithmetic.Precision);
                Write(new PredictionLine(image, Rank(logits, loaded, top), Classes.Activation(loaded.Classes), device, precision), loaded, json);
            }
            catch (NonFiniteException failure)
            {
                failed++;
                FailureLine.Tell(image, $"{image}: {failure.Reason}", json);
            }
            catch (NonFiniteLineException broken)
            {
                failed++;
                FailureLine.Tell(image, $"{image}: {broken.Line}", json);
            }
            catch (ImageException failure)
            {
                failed++;
                FailureLine.Tell(image, failure.Message, json);
            }
        }
        return failed == 0 ? ExitCode.Done : failed < images.Length ? ExitCode.Partial : ExitCode.Failed;
    }

    private static List<Prediction> Rank(float[] logits, LoadedNetwork loaded, int top)
    {
        double[] probabilities = Classes.Probabilities(logits);
        return [.. Enumerable.Range(0, logits.Length)
            .OrderByDescending(k => logits[k])
            .Take(top)
            .Select(k => new Prediction(k, loaded.Labels[k], probabilities[k], logits[k]))];
    }

    private static void Write(PredictionLine line, LoadedNetwork loaded, bool json)
    {
        if (json)
        {
            Terminal.Data(JsonSerializer.Serialize(line, Json.Lines.PredictionLine));
            return;
        }
        Terminal.Data(line.Image);
        foreach (Prediction prediction in line.Top)
            Terminal.Data($"  {prediction.Probability,8:P2}  {loaded.Labels.Describe(prediction.Class)}");
    }
}
